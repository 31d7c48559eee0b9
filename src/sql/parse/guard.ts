/**
 * Refuses statements whose syntax tree would be too deep, before anything recursive sees them: the
 * grammar library and every later stage walk the tree on the call stack.
 *
 * The depth is bounded from the tokens. Each open parenthesis, bracket or CASE is a level; inside a
 * level, each operator (an infix operator, a cast, NOT, IS, …) may nest the tree one deeper until a
 * comma, AND, OR or a clause word ends the chain; joins and set operations chain across those. The
 * depth at a token is at most the sum over the levels around it, which is what is compared to the
 * limits.
 */
import { limits } from '../../base/limits.ts';
import { sqlError } from '../../base/error.ts';
import type { SqlError } from '../../base/error.ts';
import { tokenKind } from './token.ts';
import type { Tokens } from './token.ts';
import type { StatementRange } from './split.ts';

/** What a token does to the levels and chain counts. */
type Effect = 'none' | 'open' | 'close' | 'openCase' | 'closeCase' | 'operator' | 'chain' | 'break';

const wordEffects = new Map<string, Effect>([
  ...words('operator', 'not is isnull notnull like ilike similar in between collate at overlaps'),
  ...words(
    'break',
    'and or select from where group having order limit offset when then else on values set',
  ),
  ...words('chain', 'join union intersect except'),
  ...words('openCase', 'case'),
  ...words('closeCase', 'end'),
]);

function words(effect: Effect, list: string): [string, Effect][] {
  return list.split(' ').map((word) => [word, effect]);
}

const longestWord = 9;

/** The counts of one open level. */
interface Level {
  /** Depth of everything around it. */
  readonly base: number;
  readonly isCase: boolean;
  operators: number;
  chained: number;
}

/** 54001, as when Postgres' own stack runs out. */
export function tooDeep(detail: string, position: number | undefined): SqlError {
  return sqlError('54001', 'stack depth limit exceeded', {
    detail,
    ...(position === undefined ? {} : { position }),
  });
}

/** The index of the first token that nests too deep, with the reason; null if none does. */
export function findTooDeep(
  tokens: Tokens,
  range: StatementRange,
): { token: number; detail: string } | null {
  const levels: Level[] = [];
  let level: Level = { base: 0, isCase: false, operators: 0, chained: 0 };
  const open = (isCase: boolean): void => {
    levels.push(level);
    level = {
      base: level.base + level.operators + level.chained,
      isCase,
      operators: 0,
      chained: 0,
    };
  };
  const close = (isCase: boolean): void => {
    if (level.isCase === isCase) level = levels.pop() ?? level;
  };
  for (let at = range.from; at < range.to; at++) {
    switch (effectOf(tokens, at)) {
      case 'open':
        open(false);
        break;
      case 'close':
        close(false);
        break;
      case 'openCase':
        open(true);
        break;
      case 'closeCase':
        close(true);
        break;
      case 'operator':
        level.operators++;
        break;
      case 'chain':
        level.chained++;
        level.operators = 0;
        break;
      case 'break':
        level.operators = 0;
        break;
      case 'none':
        continue;
    }
    if (levels.length > limits.nestingDepthMax) {
      return {
        token: at,
        detail: `The statement nests more than ${limits.nestingDepthMax} levels deep.`,
      };
    }
    if (level.base + level.operators + level.chained > limits.chainTokensMax) {
      return {
        token: at,
        detail: `The statement chains more than ${limits.chainTokensMax} operators.`,
      };
    }
  }
  return null;
}

function effectOf(tokens: Tokens, at: number): Effect {
  switch (tokens.kind(at)) {
    case tokenKind.word:
      return effectOfWord(tokens, at);
    case tokenKind.operator:
      return 'operator';
    case tokenKind.punctuation:
      return effectOfPunctuation(
        tokens.text.charCodeAt(tokens.start(at)),
        tokens.end(at) - tokens.start(at),
      );
    default:
      return 'none';
  }
}

function effectOfPunctuation(code: number, length: number): Effect {
  if (code === 40 || code === 91) return 'open';
  if (code === 41 || code === 93) return 'close';
  if (code === 44) return 'break';
  return code === 58 && length === 2 ? 'operator' : 'none';
}

function effectOfWord(tokens: Tokens, at: number): Effect {
  const length = tokens.end(at) - tokens.start(at);
  if (length < 2 || length > longestWord) return 'none';
  return wordEffects.get(tokens.spelling(at).toLowerCase()) ?? 'none';
}
