/** A definition that is used once is no definition: it is put where it is used. */
import { defined } from '../../base/assert.ts';
import { everyRel } from '../logical/deep.ts';
import type { Definition, Output, Rel } from '../logical/rel.ts';
import { mapInputs } from '../logical/rel.ts';
import { columnReference } from '../logical/scalar.ts';

/** The plan without definitions that have one use. */
export function inlineOnce(rel: Rel): Rel {
  const uses = new Map<Definition, number>();
  everyRel(rel, (each) => {
    if (each.kind === 'shared') uses.set(each.definition, (uses.get(each.definition) ?? 0) + 1);
  });
  const done = new Map<Definition, Definition>();
  const inline = (each: Rel): Rel => {
    if (each.kind !== 'shared') return mapInputs(each, inline);
    const { definition } = each;
    if (uses.get(definition) === 1) {
      const outputs = each.columns.map((column, i): Output => ({
        column,
        expression: columnReference(
          defined(definition.columns[i], 'a use has the columns of its definition'),
        ),
      }));
      return { kind: 'project', input: inline(definition.rel), outputs };
    }
    const known = done.get(definition) ?? { ...definition, rel: inline(definition.rel) };
    done.set(definition, known);
    return { ...each, definition: known };
  };
  return inline(rel);
}
