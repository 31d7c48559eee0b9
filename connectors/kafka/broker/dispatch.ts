/**
 * From a request's frame to its answer: reads the header, finds the API, runs it. A frame that does
 * not follow the protocol, an API or a version that is not spoken make an error: the connection
 * ends, as with Kafka. The one exception is ApiVersions, which tells a newer client what is spoken.
 */
import { assert } from '../../../src/base/assert.ts';
import { WireError, WireReader } from '../wire.ts';
import type { BrokerState } from './broker-state.ts';
import type { Client, Endpoint } from './endpoint.ts';
import { endpoint } from './endpoint.ts';
import { brokerError } from './errors.ts';
import { dataEndpoints } from './handle-data.ts';
import { groupEndpoints } from './handle-group.ts';
import { topicEndpoints } from './handle-topic.ts';
import { transactionEndpoints } from './handle-transaction.ts';
import { apiVersionsApi } from './messages-topic.ts';
import type { MessageWriter } from './schema.ts';

/** Bytes that an answer's length takes, in front of it. */
const lengthBytes = 4;

/** See the head of this file. */
export class Dispatch {
  readonly #state: BrokerState;
  readonly #endpoints = new Map<number, Endpoint>();

  constructor(state: BrokerState) {
    this.#state = state;
    const all = [
      ...dataEndpoints(state),
      ...topicEndpoints(state),
      ...groupEndpoints(state),
      ...transactionEndpoints(state),
      this.#versions(),
    ];
    for (const each of all) {
      assert(!this.#endpoints.has(each.key), `${each.name} is there once`);
      this.#endpoints.set(each.key, each);
    }
  }

  #versions(): Endpoint {
    return endpoint(apiVersionsApi, (_request, _client, fault) => ({
      error: fault,
      throttleMilliseconds: 0,
      apis: [...this.#endpoints.values()].map(({ key, min, max }) => ({ key, min, max })),
    }));
  }

  /** The pieces of the answer, its length first; null if there is none. Throws `WireError`. */
  async answer(frame: Uint8Array, host: string): Promise<readonly Uint8Array[] | null> {
    const reader = new WireReader(frame);
    const key = reader.int16();
    const version = reader.int16();
    const correlation = reader.int32();
    const found = this.#endpoints.get(key);
    if (found === undefined) throw new WireError(`API ${key} is not spoken here`);
    const client: Client = { id: reader.nullableString() ?? '', host };
    const header =
      (flexible: boolean) =>
      (writer: MessageWriter): void => {
        writer.wire.int32(0).int32(correlation);
        if (flexible) writer.wire.tags();
      };
    const asksVersions = found.key === apiVersionsApi.key;
    if (version < found.min || version > found.max) {
      if (!asksVersions) throw new WireError(`${found.name} version ${version} is not spoken here`);
      return pieces(
        await found.answer(
          new WireReader(new Uint8Array(0)),
          0,
          client,
          brokerError.unsupportedVersion,
          header(false),
        ),
      );
    }
    const flexible = version >= found.flexible;
    if (flexible) reader.tags();
    const fault = this.#state.faults.take(key);
    // The answer to ApiVersions never has tagged fields in its header: the client may not know
    // them.
    return pieces(
      await found.answer(reader, version, client, fault, header(flexible && !asksVersions)),
    );
  }
}

function pieces(writer: MessageWriter | null): readonly Uint8Array[] | null {
  if (writer === null) return null;
  const list = writer.pieces();
  const total = list.reduce((sum, piece) => sum + piece.length, 0);
  const [first] = list;
  assert(first !== undefined && first.length >= lengthBytes, 'an answer begins with its length');
  new DataView(first.buffer, first.byteOffset, first.byteLength).setInt32(0, total - lengthBytes);
  return list;
}
