/**
 * Words that Postgres' grammar keeps for itself (manual, appendix C): unquoted they are no names.
 * The front parser needs them where it reads names without the grammar's help.
 */
const reserved = new Set(
  [
    'all analyse analyze and any array as asc asymmetric both case cast check collate column',
    'constraint create current_catalog current_date current_role current_time current_timestamp',
    'current_user default deferrable desc distinct do else end except false fetch for foreign',
    'from grant group having in initially intersect into lateral leading limit localtime',
    'localtimestamp not null offset on only or order placing primary references returning',
    'select session_user some symmetric system_user table then to trailing true union unique',
    'user using variadic when where window with',
  ]
    .join(' ')
    .split(' '),
);

/** True if an unquoted word (lower case) cannot be a name of a relation or column. */
export function isReserved(word: string): boolean {
  return reserved.has(word);
}
