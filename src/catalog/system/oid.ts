/** Fixed numbers of system objects that clients know by heart or that several tables share. */

/** pg_class itself. */
export const classOid = 1259;
/** The one user: Postgres' bootstrap superuser. */
export const ownerOid = 10;
/** The one database. */
export const databaseOid = 5;
