/**
 * Unique keys of a plan's result, as far as its operators show them: sets of columns of which no
 * two rows (counted with weights) agree. A key without columns means at most one row. Found
 * bottom-up; each node keeps a few, the shortest first.
 */
import type { Node, Plan } from '../../../dataflow/plan/plan.ts';
import { defined } from '../../base/assert.ts';

type Key = readonly number[];

/** Keys kept per node. */
const keysMax = 4;

/** The declared keys of a collection, in positions of its columns. */
type DeclaredKeys = (collection: number) => readonly Key[];

/** The keys of the root, in positions of its columns. */
export function keysOf(plan: Plan, declared: DeclaredKeys = () => []): readonly Key[] {
  const found: (readonly Key[])[] = [];
  for (const node of plan.nodes) {
    const keys =
      node.kind === 'get'
        ? projectKeys(declared(node.collection), node.demand)
        : keysOfNode(node, plan, found);
    found.push(shortest(keys));
  }
  return defined(found[plan.root], 'the root is a node');
}

/** Keys in terms of the columns that `project` gives; those it does not give whole are left out. */
export function projectKeys(keys: readonly Key[], project: readonly number[]): readonly Key[] {
  return keys.flatMap((key) => {
    const positions = key.map((column) => project.indexOf(column));
    return positions.includes(-1) ? [] : [positions];
  });
}

function shortest(keys: readonly Key[]): readonly Key[] {
  const distinct = new Map(keys.map((key) => [key.join(), key]));
  return [...distinct.values()].toSorted((a, b) => a.length - b.length).slice(0, keysMax);
}

function range(count: number): Key {
  return Array.from({ length: count }, (_, i) => i);
}

function keysOfNode(
  node: Exclude<Node, { kind: 'get' }>,
  plan: Plan,
  found: readonly (readonly Key[])[],
): readonly Key[] {
  const of = (input: number): readonly Key[] => found[input] ?? [];
  switch (node.kind) {
    case 'constant':
      return node.rows.length === 0 || (node.rows.length === 1 && node.rows[0]?.weight === 1)
        ? [[]]
        : [];
    case 'flatMap':
    case 'negate':
      return [];
    case 'mfp': {
      const { nodes, outputs } = node.program;
      const sources = outputs.map((id) => {
        const expression = nodes[id];
        return expression?.kind === 'column' ? expression.column : -1;
      });
      return projectKeys(of(node.input), sources);
    }
    case 'join':
      return joinKeys(node, of(node.left), of(node.right), plan);
    case 'semijoin':
      return of(node.left);
    case 'reduce':
      return [
        range(node.key.length),
        ...of(node.input)
          .filter((key) => key.every((column) => node.key.includes(column)))
          .map((key) => key.map((column) => node.key.indexOf(column))),
      ];
    case 'distinct':
      return [range(node.columns.length), ...of(node.input)];
    case 'threshold':
      return of(node.input);
    case 'topk':
      return node.limit === 1 ? [node.key, ...of(node.input)] : of(node.input);
    case 'union':
      return defaultsOfReduce(node.inputs, plan) ? [[]] : [];
  }
}

/**
 * Both sides' keys together; one side's alone if each of its rows meets at most one of the other
 * side.
 */
function joinKeys(
  node: Extract<Node, { kind: 'join' }>,
  left: readonly Key[],
  right: readonly Key[],
  plan: Plan,
): readonly Key[] {
  const width = defined(plan.nodes[node.left], 'a join has a left side').columns.length;
  const shift = (key: Key): Key => key.map((column) => column + width);
  const within = (key: Key, columns: Key): boolean =>
    key.every((column) => columns.includes(column));
  const keys: Key[] = [];
  if (right.some((key) => within(key, node.rightKey))) keys.push(...left);
  if (left.some((key) => within(key, node.leftKey))) keys.push(...right.map(shift));
  for (const a of left) for (const b of right) keys.push([...a, ...shift(b)]);
  return keys;
}

/**
 * The one row of an aggregate without GROUP BY: a reduce with an empty key, or a constant where it
 * is empty.
 */
function defaultsOfReduce(inputs: readonly number[], plan: Plan): boolean {
  const [first, second] = inputs.map((input) => through(input, plan));
  if (inputs.length !== 2 || first === undefined || second === undefined) return false;
  const missing = plan.nodes[second];
  const constant = missing?.kind === 'semijoin' ? plan.nodes[missing.left] : undefined;
  const groups = plan.nodes[first];
  return (
    missing?.kind === 'semijoin' &&
    missing.anti &&
    missing.leftKey.length === 0 &&
    missing.right === first &&
    groups?.kind === 'reduce' &&
    groups.key.length === 0 &&
    constant?.kind === 'constant' &&
    constant.rows.length === 1
  );
}

/** The node below a projection. */
function through(id: number, plan: Plan): number {
  const node = plan.nodes[id];
  return node?.kind === 'mfp' ? through(node.input, plan) : id;
}
