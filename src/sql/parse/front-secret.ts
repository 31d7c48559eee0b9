/**
 * CREATE SECRET, ALTER SECRET and VALIDATE CONNECTION. What is wrong with a statement on a secret
 * is said without its words, since one of them is the secret.
 */
import { sqlError, unsupported } from '../../base/error.ts';
import type { Position, Statement } from '../ast.ts';
import type { Cursor } from './cursor.ts';

/** `CREATE SECRET [IF NOT EXISTS] name AS 'value'`, the first two words taken. */
export function readCreateSecret(cursor: Cursor, position: Position): Statement {
  const ifNotExists = cursor.accept('if not exists');
  const name = readSecretName(cursor, 'CREATE');
  return { kind: 'createSecret', name, ifNotExists, value: readValue(cursor, 'CREATE'), position };
}

/** `ALTER SECRET [IF EXISTS] name AS 'value'`, the first two words taken. */
export function readAlterSecret(cursor: Cursor, position: Position): Statement {
  const ifExists = cursor.accept('if exists');
  const name = readSecretName(cursor, 'ALTER');
  return { kind: 'alterSecret', name, ifExists, value: readValue(cursor, 'ALTER'), position };
}

/** `VALIDATE CONNECTION name`. */
export function readValidateConnection(cursor: Cursor): Statement {
  const position = cursor.position;
  cursor.expect('validate connection');
  const name = cursor.qualifiedName();
  cursor.expectEnd();
  return { kind: 'validateConnection', name, position };
}

type Verb = 'CREATE' | 'ALTER';

function readSecretName(cursor: Cursor, verb: Verb): ReturnType<Cursor['qualifiedName']> {
  if (!cursor.isName) throw wrong(cursor, verb);
  return cursor.qualifiedName();
}

function readValue(cursor: Cursor, verb: Verb): string {
  if (!cursor.accept('as')) throw wrong(cursor, verb);
  if (!cursor.isString) {
    if (cursor.word() === '') throw wrong(cursor, verb);
    throw unsupported('an expression as the value of a secret', cursor.position);
  }
  const value = cursor.string();
  if (!cursor.atEnd) throw wrong(cursor, verb);
  cursor.expectEnd();
  return value;
}

function wrong(cursor: Cursor, verb: Verb): Error {
  return sqlError('42601', `syntax error in ${verb} SECRET`, {
    hint: `Write ${verb} SECRET name AS 'value'.`,
    position: cursor.position,
  });
}
