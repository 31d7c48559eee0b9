/** One API of the broker: its versions, and bytes in, bytes out. */
import type { WireReader } from '../wire.ts';
import type { Api } from './schema.ts';
import { MessageWriter } from './schema.ts';

/** Who asks. */
export interface Client {
  readonly id: string;
  readonly host: string;
}

/**
 * Answers one request; null sends nothing back. `fault` is the error code it shall answer with, or
 * 0.
 */
export type Handler<Q, A> = (
  request: Q,
  client: Client,
  fault: number,
) => A | null | Promise<A | null>;

/** An API with the types of its messages hidden. */
export interface Endpoint {
  readonly key: number;
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly flexible: number;
  /** Reads the request, answers it into a writer that has `header` in front. Throws `WireError`. */
  answer(
    reader: WireReader,
    version: number,
    client: Client,
    fault: number,
    header: (writer: MessageWriter) => void,
  ): Promise<MessageWriter | null>;
}

/** Ties an API to its handler. */
export function endpoint<Q, A>(api: Api<Q, A>, handle: Handler<Q, A>): Endpoint {
  const { key, name, min, max, flexible } = api;
  return {
    key,
    name,
    min,
    max,
    flexible,
    async answer(reader, version, client, fault, header) {
      const at = { version, flexible: version >= flexible };
      const answered = await handle(api.request.read(reader, at), client, fault);
      if (answered === null) return null;
      const writer = new MessageWriter();
      header(writer);
      api.answer.write(writer, answered, at);
      return writer;
    },
  };
}
