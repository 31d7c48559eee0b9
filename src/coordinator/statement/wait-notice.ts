/**
 * A read that waits says for whom: if nothing has come of it for a while and a source that it reads
 * is stalled, the client gets a notice with what the source waits for. The read goes on waiting,
 * for what is awaited (a broker, a topic) may come.
 */
import { limits } from '../../base/limits.ts';
import { dependenciesOf } from '../../catalog/object.ts';
import type { RowStream } from '../session.ts';
import type { SourceRuntime } from '../source-runtime.ts';
import type { ExecutionContext } from './context.ts';

/** The sources that objects are made of, directly or through views. */
function sourcesOf(
  { coordinator }: ExecutionContext,
  objects: readonly number[],
): readonly SourceRuntime[] {
  const seen = new Set(objects);
  for (const oid of seen) {
    const object = coordinator.catalog.byOid(oid);
    // What is added is come to later.
    if (object !== undefined) for (const other of dependenciesOf(object)) seen.add(other);
  }
  return coordinator.sources().filter(({ source }) => seen.has(source.oid));
}

/** The same rows; a notice a stalled source, once, if the first of them are long in coming. */
export function withWaitNotice(
  context: ExecutionContext,
  objects: readonly number[],
  stream: RowStream,
): RowStream {
  let began = false;
  const told = new Set<number>();
  const tell = (): void => {
    for (const { source, status } of sourcesOf(context, objects)) {
      if (status.status !== 'stalled' || told.has(source.oid)) continue;
      told.add(source.oid);
      context.session.noticeNow({
        severity: 'NOTICE',
        code: '00000',
        message: `the answer waits for source "${source.name}", which is stalled`,
        ...(status.error === null ? {} : { detail: status.error }),
      });
    }
  };
  const first = async (): ReturnType<RowStream['next']> => {
    const { clock } = context.coordinator;
    let cancel = (): void => undefined;
    const watch = (): void => {
      cancel = clock.after(limits.waitNoticeMilliseconds, () => {
        tell();
        watch();
      });
    };
    watch();
    try {
      return await stream.next();
    } finally {
      cancel();
    }
  };
  return {
    ...stream,
    next() {
      if (began) return stream.next();
      began = true;
      return first();
    },
  };
}
