/**
 * Relations of `pg_catalog` that are always empty here: what they describe (triggers, policies,
 * publications, inheritance, …) does not exist. They are there with their columns because tools
 * join with them unasked.
 */
import type { TypeName } from '../../../dataflow/value/type.ts';
import type { SystemRelation } from './relation.ts';
import { systemColumns } from './relation.ts';

type Shape = readonly [
  oid: number,
  name: string,
  columns: readonly (readonly [string, TypeName])[],
];

const shapes: readonly Shape[] = [
  [
    2609,
    'pg_description',
    [
      ['objoid', 'oid'],
      ['classoid', 'oid'],
      ['objsubid', 'int4'],
      ['description', 'text'],
    ],
  ],
  [
    2396,
    'pg_shdescription',
    [
      ['objoid', 'oid'],
      ['classoid', 'oid'],
      ['description', 'text'],
    ],
  ],
  [
    3501,
    'pg_enum',
    [
      ['oid', 'oid'],
      ['enumtypid', 'oid'],
      ['enumsortorder', 'float4'],
      ['enumlabel', 'name'],
    ],
  ],
  [
    3541,
    'pg_range',
    [
      ['rngtypid', 'oid'],
      ['rngsubtype', 'oid'],
      ['rngmultitypid', 'oid'],
      ['rngcollation', 'oid'],
      ['rngsubopc', 'oid'],
      ['rngcanonical', 'regproc'],
      ['rngsubdiff', 'regproc'],
    ],
  ],
  [
    2611,
    'pg_inherits',
    [
      ['inhrelid', 'oid'],
      ['inhparent', 'oid'],
      ['inhseqno', 'int4'],
      ['inhdetachpending', 'bool'],
    ],
  ],
  [
    2224,
    'pg_sequence',
    [
      ['seqrelid', 'oid'],
      ['seqtypid', 'oid'],
      ['seqstart', 'int8'],
      ['seqincrement', 'int8'],
      ['seqmax', 'int8'],
      ['seqmin', 'int8'],
      ['seqcache', 'int8'],
      ['seqcycle', 'bool'],
    ],
  ],
  [
    3256,
    'pg_policy',
    [
      ['oid', 'oid'],
      ['polname', 'name'],
      ['polrelid', 'oid'],
      ['polcmd', 'char'],
      ['polpermissive', 'bool'],
      ['polroles', '_oid'],
      ['polqual', 'text'],
      ['polwithcheck', 'text'],
    ],
  ],
  [
    3381,
    'pg_statistic_ext',
    [
      ['oid', 'oid'],
      ['stxrelid', 'oid'],
      ['stxname', 'name'],
      ['stxnamespace', 'oid'],
      ['stxowner', 'oid'],
      ['stxstattarget', 'int4'],
      ['stxkeys', 'int2vector'],
      ['stxkind', '_char'],
      ['stxexprs', 'text'],
    ],
  ],
  [
    6104,
    'pg_publication',
    [
      ['oid', 'oid'],
      ['pubname', 'name'],
      ['pubowner', 'oid'],
      ['puballtables', 'bool'],
      ['pubinsert', 'bool'],
      ['pubupdate', 'bool'],
      ['pubdelete', 'bool'],
      ['pubtruncate', 'bool'],
      ['pubviaroot', 'bool'],
    ],
  ],
  [
    6106,
    'pg_publication_rel',
    [
      ['oid', 'oid'],
      ['prpubid', 'oid'],
      ['prrelid', 'oid'],
      ['prqual', 'text'],
      ['prattrs', 'int2vector'],
    ],
  ],
  [
    6237,
    'pg_publication_namespace',
    [
      ['oid', 'oid'],
      ['pnpubid', 'oid'],
      ['pnnspid', 'oid'],
    ],
  ],
  [
    2620,
    'pg_trigger',
    [
      ['oid', 'oid'],
      ['tgrelid', 'oid'],
      ['tgparentid', 'oid'],
      ['tgname', 'name'],
      ['tgfoid', 'oid'],
      ['tgtype', 'int2'],
      ['tgenabled', 'char'],
      ['tgisinternal', 'bool'],
      ['tgconstrrelid', 'oid'],
      ['tgconstrindid', 'oid'],
      ['tgconstraint', 'oid'],
      ['tgdeferrable', 'bool'],
      ['tginitdeferred', 'bool'],
      ['tgnargs', 'int2'],
      ['tgattr', 'int2vector'],
      ['tgargs', 'bytea'],
      ['tgqual', 'text'],
      ['tgoldtable', 'name'],
      ['tgnewtable', 'name'],
    ],
  ],
  [
    2618,
    'pg_rewrite',
    [
      ['oid', 'oid'],
      ['rulename', 'name'],
      ['ev_class', 'oid'],
      ['ev_type', 'char'],
      ['ev_enabled', 'char'],
      ['is_instead', 'bool'],
      ['ev_qual', 'text'],
      ['ev_action', 'text'],
    ],
  ],
  [
    2608,
    'pg_depend',
    [
      ['classid', 'oid'],
      ['objid', 'oid'],
      ['objsubid', 'int4'],
      ['refclassid', 'oid'],
      ['refobjid', 'oid'],
      ['refobjsubid', 'int4'],
      ['deptype', 'char'],
    ],
  ],
  [
    3079,
    'pg_extension',
    [
      ['oid', 'oid'],
      ['extname', 'name'],
      ['extowner', 'oid'],
      ['extnamespace', 'oid'],
      ['extrelocatable', 'bool'],
      ['extversion', 'text'],
      ['extconfig', '_oid'],
      ['extcondition', '_text'],
    ],
  ],
  [
    1261,
    'pg_auth_members',
    [
      ['roleid', 'oid'],
      ['member', 'oid'],
      ['grantor', 'oid'],
      ['admin_option', 'bool'],
    ],
  ],
  [
    3118,
    'pg_foreign_table',
    [
      ['ftrelid', 'oid'],
      ['ftserver', 'oid'],
      ['ftoptions', '_text'],
    ],
  ],
  [
    1417,
    'pg_foreign_server',
    [
      ['oid', 'oid'],
      ['srvname', 'name'],
      ['srvowner', 'oid'],
      ['srvfdw', 'oid'],
      ['srvtype', 'text'],
      ['srvversion', 'text'],
      ['srvacl', '_text'],
      ['srvoptions', '_text'],
    ],
  ],
  [
    3350,
    'pg_partitioned_table',
    [
      ['partrelid', 'oid'],
      ['partstrat', 'char'],
      ['partnatts', 'int2'],
      ['partdefid', 'oid'],
      ['partattrs', 'int2vector'],
      ['partclass', 'oidvector'],
      ['partcollation', 'oidvector'],
      ['partexprs', 'text'],
    ],
  ],
];

export const pgEmpty: readonly SystemRelation[] = shapes.map(([oid, name, columns]) => ({
  oid,
  schema: 'pg_catalog',
  name,
  columns: systemColumns(columns),
  rows: () => [],
}));
