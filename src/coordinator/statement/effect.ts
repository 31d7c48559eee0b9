/** What a query does besides answering: settings, signals to other sessions, waiting. */
import { unreachable } from '../../base/assert.ts';
import type { Effect } from '../../sql/planned.ts';
import type { ExecutionContext } from './context.ts';

/** Does them in the order of the text. A wait ends when the statement is cancelled. */
export async function runEffects(
  context: ExecutionContext,
  effects: readonly Effect[],
): Promise<void> {
  for (const effect of effects) await run(context, effect);
}

async function run(context: ExecutionContext, effect: Effect): Promise<void> {
  const { session, coordinator, cancellation } = context;
  switch (effect.kind) {
    case 'set':
      if (!effect.local) session.settings.set(effect.name, effect.value);
      else if (session.transaction.inBlock) session.setLocal(effect.name, effect.value);
      return;
    case 'cancel':
      // A statement that cancels its own session ends by that, as any other would.
      session.peers.cancel(effect.processId);
      return cancellation.check();
    case 'terminate':
      coordinator.clock.after(0, () => session.peers.terminate(effect.processId));
      return;
    case 'sleep': {
      let stop: () => void = () => undefined;
      const slept = new Promise<void>((resolve) => {
        stop = coordinator.clock.after(effect.milliseconds, resolve);
      });
      return cancellation.race(slept).finally(() => stop());
    }
    default:
      unreachable(effect);
  }
}
