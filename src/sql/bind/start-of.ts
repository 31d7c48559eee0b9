/** Where an expression begins in the text: its own position is that of its operator. */
import type { Expression } from '../ast.ts';

/** The position of the first token, as far as the tree tells. */
export function startOf(expression: Expression): number {
  let at = expression;
  let start = at.position;
  for (;;) {
    start = Math.min(start, at.position);
    switch (at.kind) {
      case 'binary':
      case 'isDistinct':
        at = at.left;
        break;
      case 'isNull':
      case 'isBoolean':
      case 'between':
      case 'in':
      case 'quantified':
      case 'cast':
      case 'subscript':
      case 'collate':
      case 'field':
        at = at.operand;
        break;
      case 'and':
      case 'or': {
        const [first] = at.operands;
        if (first === undefined) return start;
        at = first;
        break;
      }
      default:
        return start;
    }
  }
}
