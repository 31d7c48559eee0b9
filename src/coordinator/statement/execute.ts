/** Which file runs which kind of statement. */
import { unreachable } from '../../base/assert.ts';
import type { Statement } from '../../sql/ast.ts';
import type { Outcome } from '../session.ts';
import { checkpoint } from './checkpoint.ts';
import { createOrValidate } from './connection.ts';
import type { ExecutionContext } from './context.ts';
import { copyFrom, copyTo } from './copy.ts';
import { close, declare, fetch } from './cursor.ts';
import { drop } from './drop.ts';
import { explain } from './explain.ts';
import { createIndex } from './index.ts';
import { deallocate, executePrepared, prepare } from './prepare.ts';
import { runSelect } from './query.ts';
import { createSchema } from './schema.ts';
import { setSecret } from './secret.ts';
import { discard, reset, set, setTransaction, show } from './setting.ts';
import { showObjects } from './show-objects.ts';
import { defineSource } from './source.ts';
import { subscribe } from './subscribe.ts';
import { createTable } from './table.ts';
import { beginOrEnd } from './transaction.ts';
import { createView } from './view.ts';
import { write } from './write.ts';

/** Runs one statement to its outcome. Throws SqlError. */
export async function execute(context: ExecutionContext, statement: Statement): Promise<Outcome> {
  switch (statement.kind) {
    case 'select':
      return runSelect(context, statement.query);
    case 'subscribe':
      return subscribe(context, statement);
    case 'insert':
    case 'update':
    case 'delete':
      return write(context, statement);
    case 'copyFrom':
      return copyFrom(context, statement);
    case 'copyTo':
      return copyTo(context, statement);
    case 'explain':
      return explain(context, statement);
    case 'createSchema':
      return createSchema(context, statement);
    case 'createConnection':
    case 'validateConnection':
      return createOrValidate(context, statement);
    case 'createSecret':
    case 'alterSecret':
      return setSecret(context, statement);
    case 'createSource':
    case 'createTableFrom':
    case 'resumeSource':
      return defineSource(context, statement);
    case 'createTable':
      return createTable(context, statement);
    case 'createView':
      return createView(context, statement);
    case 'createIndex':
      return createIndex(context, statement);
    case 'drop':
      return drop(context, statement);
    case 'showObjects':
      return showObjects(context, statement);
    case 'set':
      return set(context, statement);
    case 'show':
      return show(context, statement);
    case 'reset':
      return reset(context, statement);
    case 'setTransaction':
      return setTransaction(context, statement);
    case 'checkpoint':
      return checkpoint(context);
    case 'discard':
      return discard(context, statement);
    case 'begin':
    case 'commit':
    case 'rollback':
      return beginOrEnd(context, statement);
    case 'prepare':
      return prepare(context, statement);
    case 'execute':
      return executePrepared(context, statement);
    case 'deallocate':
      return deallocate(context, statement);
    case 'declare':
      return declare(context, statement);
    case 'fetch':
      return fetch(context, statement);
    case 'close':
      return close(context, statement);
    default:
      return unreachable(statement);
  }
}
