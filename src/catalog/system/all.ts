/** Every system relation. */
import { informationSchema } from './information-schema.ts';
import { mzRelations } from './mz.ts';
import { pgConstraint } from './pg-constraint.ts';
import { pgCluster } from './pg-cluster.ts';
import { pgEmpty } from './pg-empty.ts';
import { pgProc } from './pg-proc.ts';
import { pgRelations } from './pg-relations.ts';
import { pgTypes } from './pg-types.ts';
import type { SystemRelation } from './relation.ts';

export const systemRelations: readonly SystemRelation[] = [
  ...pgRelations,
  ...pgTypes,
  ...pgProc,
  ...pgCluster,
  ...pgConstraint,
  ...pgEmpty,
  ...informationSchema,
  ...mzRelations,
];
