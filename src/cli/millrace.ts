/**
 * The composition root: the whole product wired from its parts, as one object that is started and
 * stopped. `main.ts` runs it from the command line; tests and the demo run it in process.
 */
import type { Clock, Entropy, Log } from '../base/seam.ts';
import { guardRegularExpressions } from '../base/real/regex-guard.ts';
import { systemRelations } from '../catalog/system/all.ts';
import { Coordinator } from '../coordinator/coordinator.ts';
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
}

/** The running product. */
export class Millrace {
  readonly coordinator: Coordinator;
  readonly sessions: SessionRegistry;
  readonly port: number;
  readonly #server: PostgresServer;

  private constructor(
    coordinator: Coordinator,
    sessions: SessionRegistry,
    server: PostgresServer,
    port: number,
  ) {
    this.coordinator = coordinator;
    this.sessions = sessions;
    this.port = port;
    this.#server = server;
  }

  /** Starts everything. Throws 58000 if the port is taken. */
  static async start(options: MillraceOptions): Promise<Millrace> {
    guardRegularExpressions();
    await initializeParser();
    const { clock, entropy, log, host, port } = options;
    const coordinator = new Coordinator({
      link: options.link ?? new WorkerLink(clock),
      clock,
      entropy,
      log,
      system: systemRelations,
      connect: (connection) => connectKafka(connection, { clock, entropy, log }),
    });
    const sessions = new SessionRegistry(coordinator);
    const server = new PostgresServer({ host, port, sessions, log });
    try {
      return new Millrace(coordinator, sessions, server, await server.listen());
    } catch (error) {
      await coordinator.close();
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

  /** Ends every connection, source and thread. */
  async stop(): Promise<void> {
    await this.#server.close();
    await this.coordinator.close();
  }
}
