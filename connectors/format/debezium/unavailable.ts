/** What stands for a value that did not change, unless the connector was told otherwise. */
export const usuallyUnavailable = '__debezium_unavailable_value';
