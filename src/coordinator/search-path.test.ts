/** Goal: search paths are read as Postgres reads them (answers of Postgres 15). */
import { describe, expect, it } from 'vitest';
import { Catalog } from '../catalog/catalog.ts';
import { effectivePath, parseSearchPath } from './search-path.ts';

describe('search path', () => {
  it.each([
    ['public', ['public']],
    ['"$user", public', ['me', 'public']],
    ['$user,Public', ['me', 'public']],
    ['"a,b", Public', ['a,b', 'public']],
    ['"A ""b""" , c', ['A "b"', 'c']],
    ['', []],
    ['""', []],
    ['mz_catalog,pg_catalog', ['mz_catalog', 'pg_catalog']],
  ])('reads %o', (text, schemas) => {
    expect(parseSearchPath(text, 'me')).toEqual(schemas);
  });

  it('leaves out what does not exist and puts pg_catalog first unless it is named', () => {
    const catalog = new Catalog([]);
    expect(effectivePath(catalog, ['nope', 'public'])).toEqual(['pg_catalog', 'public']);
    expect(effectivePath(catalog, ['public', 'pg_catalog'])).toEqual(['public', 'pg_catalog']);
  });
});
