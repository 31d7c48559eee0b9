/**
 * A cluster as this client sees it: bootstrap addresses, links to brokers by node id, and the
 * questions about topics that any broker or a partition's leader answers. Every question throws
 * `ClusterError` when nobody answers, with the addresses tried; retrying is the caller's business.
 */
import { assert } from '../../src/base/assert.ts';
import { errorName, errorNone } from './error-code.ts';
import type { BrokerLink } from './kafkajs.ts';
import { parseAddress } from './kafkajs.ts';
import type { ClusterMetadata, KafkaRequest } from './protocol.ts';
import { apiMetadata, listOffsetsRequest, metadataRequest } from './protocol.ts';
import type { Refusal } from './refusal.ts';
import { refusalOf } from './refusal.ts';

/** A partition and the node that leads it. */
export interface LedPlace {
  readonly topic: string;
  readonly partition: number;
  readonly leader: number;
}

/** How messages call a partition. */
export function placeText(place: { readonly topic: string; readonly partition: number }): string {
  return `partition ${place.partition} of topic "${place.topic}"`;
}

/** The part of the transport that a cluster needs; tests give a fake. */
export interface Transport {
  link(host: string, port: number): Promise<Link>;
}

/** See `BrokerLink`. */
export type Link = Pick<BrokerLink, 'address' | 'connect' | 'versionMax' | 'send' | 'close'>;

/** Nobody answered, or not with what was asked for. The message names the address. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  /** Set if it is a matter of TLS or SASL. */
  readonly refusal: Refusal | null;

  constructor(message: string, refusal: Refusal | null = null) {
    super(message);
    this.refusal = refusal;
  }
}

/** Of several brokers that do not answer: there is hope if there is for one of them. */
function commonRefusal(errors: readonly unknown[]): Refusal | null {
  const refusals = errors.map((error) => (error instanceof ClusterError ? error.refusal : null));
  const hopeful = refusals.find((refusal) => refusal?.final !== true);
  return hopeful === undefined ? (refusals[0] ?? null) : hopeful;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unanswered(address: string, error: unknown): ClusterError {
  const refusal = refusalOf(error);
  return new ClusterError(`broker "${address}" does not answer: ${text(error)}`, refusal);
}

/** Links and questions to one cluster; a failed link is replaced at the next question. */
export class Cluster {
  readonly #seeds: readonly string[];
  readonly #transport: Transport;
  readonly #links = new Map<string, Promise<Link>>();
  /** `host:port` by node id, from the newest metadata. */
  readonly #nodes = new Map<number, string>();
  #closed = false;

  constructor(seeds: readonly string[], transport: Transport) {
    assert(seeds.length > 0, 'a cluster has a bootstrap address');
    this.#seeds = seeds;
    this.#transport = transport;
  }

  get addresses(): readonly string[] {
    return this.#seeds;
  }

  /** Address of a node, for messages. */
  nodeAddress(node: number): string {
    return this.#nodes.get(node) ?? `node ${node}`;
  }

  #link(address: string): Promise<Link> {
    if (this.#closed) throw new ClusterError('the connection is closed');
    let link = this.#links.get(address);
    if (link === undefined) {
      const { host, port } = parseAddress(address);
      link = this.#transport.link(host, port);
      this.#links.set(address, link);
    }
    return link;
  }

  /** A link is given up after a failure: the next question opens a fresh one. */
  async #forget(address: string, link: Promise<Link>): Promise<void> {
    // Another question may have failed on the same link before, and a fresh one be in its place.
    if (this.#links.get(address) === link) this.#links.delete(address);
    try {
      await (await link).close();
    } catch {
      // A link that is broken already has nothing to close.
    }
  }

  async #ask<T>(address: string, request: (link: Link) => KafkaRequest<T>): Promise<T> {
    const opened = this.#link(address);
    try {
      const link = await opened;
      await link.connect();
      return await link.send(request(link));
    } catch (error) {
      // Closing waits for the socket's end; the caller need not.
      void this.#forget(address, opened);
      throw unanswered(address, error);
    }
  }

  /** Asks all bootstrap addresses at once; resolves with the first that answers. */
  async connect(): Promise<string> {
    const attempts = this.#seeds.map(async (address) => {
      const opened = this.#link(address);
      try {
        const link = await opened;
        await link.connect();
        // Whoever has not said who he is may connect, and be cut off at the first question.
        await link.send(metadataRequest([], link.versionMax(apiMetadata)));
        return address;
      } catch (error) {
        void this.#forget(address, opened);
        throw unanswered(address, error);
      }
    });
    try {
      return await Promise.any(attempts);
    } catch (error) {
      const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
      throw new ClusterError(errors.map(text).join('; '), commonRefusal(errors));
    }
  }

  /**
   * What the cluster knows of topics, or of all (null); asks known nodes, then the bootstrap
   * addresses.
   */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const addresses = new Set([...this.#nodes.values(), ...this.#seeds]);
    const failures: unknown[] = [];
    for (const address of addresses) {
      try {
        const found = await this.#ask(address, (link) =>
          metadataRequest(topics, link.versionMax(apiMetadata)),
        );
        this.#nodes.clear();
        for (const broker of found.brokers)
          this.#nodes.set(broker.id, hostPort(broker.host, broker.port));
        return found;
      } catch (error) {
        failures.push(error);
      }
    }
    throw new ClusterError(failures.map(text).join('; '), commonRefusal(failures));
  }

  /** Sends a request to a node of the newest metadata. */
  async send<T>(node: number, request: KafkaRequest<T>): Promise<T> {
    const address = this.#nodes.get(node);
    if (address === undefined) throw new ClusterError(`node ${node} is not known`);
    return this.#ask(address, () => request);
  }

  /**
   * Offsets by timestamp (ms, or a constant of `protocol.ts`) from the leaders, in the order of
   * `places`.
   */
  async listOffsets(places: readonly LedPlace[], timestamp: bigint): Promise<readonly bigint[]> {
    const byLeader = new Map<number, LedPlace[]>();
    for (const place of places) {
      const list = byLeader.get(place.leader);
      if (list === undefined) byLeader.set(place.leader, [place]);
      else list.push(place);
    }
    const offsets = new Map<string, bigint>();
    await Promise.all(
      [...byLeader].map(async ([leader, list]) => {
        for (const listed of await this.send(leader, listOffsetsRequest(list, timestamp))) {
          if (listed.error !== errorNone) {
            throw new ClusterError(`offsets of ${placeText(listed)}: ${errorName(listed.error)}`);
          }
          offsets.set(placeText(listed), listed.offset);
        }
      }),
    );
    return places.map((place) => {
      const offset = offsets.get(placeText(place));
      if (offset !== undefined) return offset;
      throw new ClusterError(`a broker left out ${placeText(place)}`);
    });
  }

  /** Drops every link; questions under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#links].map(([address, link]) => this.#forget(address, link)));
  }
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
