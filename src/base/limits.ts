/**
 * Every bound on a buffer, queue, depth or loop, with its unit last. Nothing in the product grows
 * without one of these; a bound that is hit is an error or a wait that names it.
 */
export const limits = {
  /** Rows that one activation of an operator may take or give. */
  activationRowsMax: 4096,
  /** Milliseconds that one activation may run before it yields. */
  activationMillisecondsMax: 1,
  /** Rows of a step's input across all collections. */
  stepRowsMax: 65_536,
  /** Steps that may be sent to the engine and not yet be complete. */
  stepsInFlightMax: 2,
  /** Bytes of raw records that one step takes in. */
  stepBytesMax: 4 * 1024 * 1024,
  /** Bytes of raw records that a source may hold between fetch and step. */
  sourceBufferedBytesMax: 64 * 1024 * 1024,
  /** Bytes of one wire message from a client; Postgres allows 1 GiB. */
  messageBytesMax: 256 * 1024 * 1024,
  /** Bytes of a startup packet (Postgres: 10,000). */
  startupBytesMax: 10_000,
  /** Bytes of one SQL text. */
  statementBytesMax: 128 * 1024 * 1024,
  /** Nesting of parentheses, CASE, subqueries and the like in one statement. */
  nestingDepthMax: 1_000,
  /** Tokens of one expression chain that the grammar reads recursively. */
  chainTokensMax: 5_000,
  /** Bytes of one row. */
  rowBytesMax: 128 * 1024 * 1024,
  /** Words of one record in a row store (a segment). */
  recordWordsMax: 2 ** 14,
  /** Rows of a SELECT's answer held in memory at once. */
  answerRowsMax: 10_000_000,
  /** Bytes waiting for one client of SUBSCRIBE. */
  subscribeBufferedBytesMax: 64 * 1024 * 1024,
  /** Regions, each a reserved range of address space. */
  regionsMax: 1_024,
  /** Client connections. */
  connectionsMax: 5_000,
  /** Bytes of an identifier; longer ones are cut with a notice, as in Postgres. */
  identifierBytesMax: 63,
} as const;
