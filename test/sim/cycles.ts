/**
 * Graphs of what came before what, and the cycles in them. Nodes are numbers; an edge has a kind,
 * which says why its beginning comes before its end. A cycle lies within one strongly connected
 * component (Tarjan's algorithm, without recursion), so only components of two nodes and more are
 * searched, each for the cycle that begins with an edge of one kind and comes back by others: the
 * shortest one, by breadth first.
 */
import { defined } from '../../src/base/assert.ts';

/**
 * `ww`: a later version of the same thing was written. `wr`: what was written was read. `rw`: what
 * was read was written over. `time`: one had ended when the other began.
 */
export type EdgeKind = 'ww' | 'wr' | 'rw' | 'time';

/** Why one node comes before another. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  /** What it is about; empty for time. */
  readonly key: string;
}

/** See the head of this file. */
export class Graph {
  readonly #out: Edge[][] = [];

  constructor(nodes: number) {
    for (let i = 0; i < nodes; i++) this.#out.push([]);
  }

  /** Adds an edge; none from a node to itself. */
  add(from: number, to: number, kind: EdgeKind, key = ''): void {
    if (from === to) return;
    defined(this.#out[from], 'an edge begins at a node').push({ from, to, kind, key });
  }

  edges(node: number): readonly Edge[] {
    return this.#out[node] ?? [];
  }

  /** Strongly connected components of at least two nodes. */
  components(): readonly (readonly number[])[] {
    const found: number[][] = [];
    const order = new Int32Array(this.#out.length).fill(-1);
    const low = new Int32Array(this.#out.length);
    const closed = new Uint8Array(this.#out.length);
    const open: number[] = [];
    let visited = 0;
    const enter = (node: number): { node: number; next: number } => {
      order[node] = low[node] = visited++;
      open.push(node);
      return { node, next: 0 };
    };
    const leave = (node: number): void => {
      if (low[node] !== order[node]) return;
      const component = open.splice(open.lastIndexOf(node));
      for (const member of component) closed[member] = 1;
      if (component.length > 1) found.push(component);
    };
    for (let root = 0; root < this.#out.length; root++) {
      if (order[root] !== -1) continue;
      const path = [enter(root)];
      for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
        const { node } = top;
        const edge = this.#out[node]?.[top.next++];
        if (edge === undefined) {
          path.pop();
          leave(node);
          const above = path.at(-1)?.node;
          if (above !== undefined) low[above] = Math.min(low[above] ?? 0, low[node] ?? 0);
        } else if (order[edge.to] === -1) path.push(enter(edge.to));
        else if (closed[edge.to] === 0) low[node] = Math.min(low[node] ?? 0, order[edge.to] ?? 0);
      }
    }
    return found;
  }

  /**
   * A cycle among `members` that begins with an edge of kind `first` and goes on by `others`; null
   * if there is none.
   */
  cycle(
    members: readonly number[],
    first: EdgeKind,
    others: ReadonlySet<EdgeKind>,
  ): readonly Edge[] | null {
    const inside = new Set(members);
    for (const node of members) {
      for (const edge of this.edges(node)) {
        if (edge.kind !== first || !inside.has(edge.to)) continue;
        const back = this.#path(edge.to, node, inside, others);
        if (back !== null) return [edge, ...back];
      }
    }
    return null;
  }

  #path(
    from: number,
    to: number,
    inside: ReadonlySet<number>,
    kinds: ReadonlySet<EdgeKind>,
  ): readonly Edge[] | null {
    const reachedBy = new Map<number, Edge>();
    const queue = [from];
    for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
      for (const edge of this.edges(node)) {
        if (!kinds.has(edge.kind) || !inside.has(edge.to) || reachedBy.has(edge.to)) continue;
        if (edge.to === from) continue;
        reachedBy.set(edge.to, edge);
        if (edge.to === to) return walkBack(reachedBy, from, to);
        queue.push(edge.to);
      }
    }
    return null;
  }
}

function walkBack(reachedBy: ReadonlyMap<number, Edge>, from: number, to: number): Edge[] {
  const path: Edge[] = [];
  for (let node = to; node !== from;) {
    const edge = defined(reachedBy.get(node), 'a path leads back to its beginning');
    path.unshift(edge);
    node = edge.from;
  }
  return path;
}
