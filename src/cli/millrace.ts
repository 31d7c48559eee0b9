/**
 * The composition root: the whole product wired from its parts, as one object that is started and
 * stopped. `main.ts` runs it from the command line; tests and the demo run it in process.
 */
import { RegistryClient } from '../../connectors/registry/client.ts';
import type { Clock, Entropy, Log } from '../base/seam.ts';
import { setRuntimeFlags } from '../base/real/runtime-flags.ts';
import { systemRelations } from '../catalog/system/all.ts';
import type { Coordinator } from '../coordinator/coordinator.ts';
import type { DataPlace } from '../coordinator/durable-coordinator.ts';
import { DurableCoordinator } from '../coordinator/durable-coordinator.ts';
import type { EngineLink } from '../coordinator/engine-link.ts';
import { SessionRegistry } from '../coordinator/session-registry.ts';
import { PostgresServer } from '../pgwire/server.ts';
import { initializeParser } from '../sql/parse/parse.ts';
import { connectKafka } from './kafka.ts';
import { WorkerLink } from './worker-link.ts';

export interface MillraceOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** The line to the engine; a worker thread by default. */
  readonly link?: EngineLink;
  /** Where everything is kept that must survive the process; without it nothing does. */
  readonly data?: DataPlace;
}

/** The running product. */
export class Millrace {
  readonly coordinator: Coordinator;
  readonly sessions: SessionRegistry;
  readonly port: number;
  readonly #server: PostgresServer;
  readonly #durable: DurableCoordinator;

  private constructor(
    durable: DurableCoordinator,
    sessions: SessionRegistry,
    server: PostgresServer,
    port: number,
  ) {
    this.#durable = durable;
    this.coordinator = durable.coordinator;
    this.sessions = sessions;
    this.port = port;
    this.#server = server;
  }

  /**
   * Starts everything; with a data directory, first restores what it holds. Throws 58000 if the
   * port is taken, and what `DataDirectory.open` throws.
   */
  static async start(options: MillraceOptions): Promise<Millrace> {
    setRuntimeFlags();
    await initializeParser();
    const { clock, entropy, log, host, port, data } = options;
    const durable = await DurableCoordinator.open(
      () => ({
        link: options.link ?? new WorkerLink(clock),
        clock,
        entropy,
        log,
        system: systemRelations,
        connect: (connection, secrets) =>
          connectKafka(connection, { clock, entropy, log }, secrets),
        openRegistry: ({ url }) => new RegistryClient(url, clock),
      }),
      data ?? null,
    );
    const sessions = new SessionRegistry(durable.coordinator);
    const server = new PostgresServer({ host, port, sessions, log, clock });
    try {
      return new Millrace(durable, sessions, server, await server.listen());
    } catch (error) {
      await durable.close();
      throw error;
    }
  }

  /**
   * Resolves with the reason if the dataflow thread ends by itself: nothing can be answered any
   * more.
   */
  get crashed(): Promise<string> {
    return this.coordinator.crashed;
  }

  /** Resolves with the reason if nothing can be made durable any more: the process must end. */
  get logFailed(): Promise<Error> {
    return this.#durable.failed;
  }

  /** Ends every connection, source and thread. */
  async stop(): Promise<void> {
    await this.#server.close();
    await this.#durable.close();
  }
}
