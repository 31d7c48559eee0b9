/** What Postgres keeps per cluster: the one database, the one role, settings, sessions. */
import type { Row } from '../../../dataflow/value/datum.ts';
import { databaseOid, ownerOid } from './oid.ts';
import type { SystemContext, SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

const utf8 = 6;

function roleRow(user: string): Row {
  return [user, true, true, true, true, true, true, -1, null, null, true, null, BigInt(ownerOid)];
}

function settingRows({ runtime }: SystemContext): readonly Row[] {
  return runtime
    .settings()
    .map(({ name, value, description }) => [
      name,
      value,
      null,
      'Millrace',
      description,
      null,
      'user',
      'string',
      'default',
      null,
      null,
      null,
      value,
      value,
      null,
      null,
      false,
    ]);
}

function activityRows({ runtime, database }: SystemContext): readonly Row[] {
  return runtime
    .sessions()
    .map(({ processId, user, application }) => [
      BigInt(databaseOid),
      database,
      processId,
      null,
      BigInt(ownerOid),
      user,
      application,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      'active',
      null,
      null,
      null,
      null,
      'client backend',
    ]);
}

export const pgCluster: readonly SystemRelation[] = [
  {
    oid: 1262,
    schema: 'pg_catalog',
    name: 'pg_database',
    columns: systemColumns([
      ['oid', 'oid'],
      ['datname', 'name'],
      ['datdba', 'oid'],
      ['encoding', 'int4'],
      ['datlocprovider', 'char'],
      ['datistemplate', 'bool'],
      ['datallowconn', 'bool'],
      ['datconnlimit', 'int4'],
      ['datfrozenxid', 'int8'],
      ['datminmxid', 'int8'],
      ['dattablespace', 'oid'],
      ['datcollate', 'text'],
      ['datctype', 'text'],
      ['daticulocale', 'text'],
      ['datcollversion', 'text'],
      ['datacl', '_text'],
    ]),
    rows: ({ database }) => [
      [
        BigInt(databaseOid),
        database,
        BigInt(ownerOid),
        utf8,
        'c',
        false,
        true,
        -1,
        0n,
        0n,
        1663n,
        'C',
        'C.UTF-8',
        null,
        null,
        null,
      ],
    ],
  },
  {
    oid: 12_010,
    schema: 'pg_catalog',
    name: 'pg_roles',
    columns: systemColumns([
      ['rolname', 'name'],
      ['rolsuper', 'bool'],
      ['rolinherit', 'bool'],
      ['rolcreaterole', 'bool'],
      ['rolcreatedb', 'bool'],
      ['rolcanlogin', 'bool'],
      ['rolreplication', 'bool'],
      ['rolconnlimit', 'int4'],
      ['rolpassword', 'text'],
      ['rolvaliduntil', 'timestamptz'],
      ['rolbypassrls', 'bool'],
      ['rolconfig', '_text'],
      ['oid', 'oid'],
    ]),
    rows: ({ user }) => [roleRow(user)],
  },
  {
    oid: 12_011,
    schema: 'pg_catalog',
    name: 'pg_user',
    columns: systemColumns([
      ['usename', 'name'],
      ['usesysid', 'oid'],
      ['usecreatedb', 'bool'],
      ['usesuper', 'bool'],
      ['userepl', 'bool'],
      ['usebypassrls', 'bool'],
      ['passwd', 'text'],
      ['valuntil', 'timestamptz'],
      ['useconfig', '_text'],
    ]),
    rows: ({ user }) => [[user, BigInt(ownerOid), true, true, true, true, '********', null, null]],
  },
  {
    oid: 12_012,
    schema: 'pg_catalog',
    name: 'pg_settings',
    columns: systemColumns([
      ['name', 'text'],
      ['setting', 'text'],
      ['unit', 'text'],
      ['category', 'text'],
      ['short_desc', 'text'],
      ['extra_desc', 'text'],
      ['context', 'text'],
      ['vartype', 'text'],
      ['source', 'text'],
      ['min_val', 'text'],
      ['max_val', 'text'],
      ['enumvals', '_text'],
      ['boot_val', 'text'],
      ['reset_val', 'text'],
      ['sourcefile', 'text'],
      ['sourceline', 'int4'],
      ['pending_restart', 'bool'],
    ]),
    rows: settingRows,
  },
  {
    oid: 12_013,
    schema: 'pg_catalog',
    name: 'pg_stat_activity',
    columns: systemColumns([
      ['datid', 'oid'],
      ['datname', 'name'],
      ['pid', 'int4'],
      ['leader_pid', 'int4'],
      ['usesysid', 'oid'],
      ['usename', 'name'],
      ['application_name', 'text'],
      ['client_addr', 'text'],
      ['client_hostname', 'text'],
      ['client_port', 'int4'],
      ['backend_start', 'timestamptz'],
      ['xact_start', 'timestamptz'],
      ['query_start', 'timestamptz'],
      ['state_change', 'timestamptz'],
      ['wait_event_type', 'text'],
      ['wait_event', 'text'],
      ['state', 'text'],
      ['backend_xid', 'int8'],
      ['backend_xmin', 'int8'],
      ['query_id', 'int8'],
      ['query', 'text'],
      ['backend_type', 'text'],
    ]),
    rows: activityRows,
  },
];
