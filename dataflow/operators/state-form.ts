/**
 * The form in which operators keep their state, as a number that goes into the fingerprint of each
 * plan (src/coordinator/plan-fingerprint.ts). Whoever changes what the words of a kept state mean
 * raises it: views then hydrate anew instead of taking the words of an earlier form for their own.
 *
 * 2: members of jsonb_object_agg are kept in the order of their names.
 */
export const stateForm = 2;
