/**
 * All sessions by process id. Ids are small and count up, so that they look like process ids; the
 * secret that a CancelRequest must name is random.
 */
import { assert } from '../base/assert.ts';
import { sqlError } from '../base/error.ts';
import { limits } from '../base/limits.ts';
import type { Coordinator } from './coordinator.ts';
import { runtimeOf } from './runtime.ts';
import { SessionCore } from './session-core.ts';
import { SessionState, defaultDatabase, defaultUser } from './session-state.ts';
import type { Session, Sessions } from './session.ts';

interface Entry {
  readonly session: SessionCore;
  readonly state: SessionState;
  readonly secret: number;
}

/** Start-up parameters that are not settings. */
const notSettings = new Set(['user', 'database', 'options', 'replication']);

/** Opens sessions and finds them again. */
export class SessionRegistry implements Sessions {
  readonly #coordinator: Coordinator;
  readonly #sessions = new Map<number, Entry>();
  #nextId = 1_000;

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  /** Throws 53300 if there are too many, 42704 or 22023 for bad settings. */
  open(startup: ReadonlyMap<string, string>, _remote: string): Session {
    if (this.#sessions.size >= limits.connectionsMax) {
      throw sqlError('53300', 'sorry, too many clients already');
    }
    const processId = this.#nextId++;
    const state = this.#state(startup, processId);
    const bytes = this.#coordinator.entropy.bytes(4);
    const secret = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0);
    const session = new SessionCore(
      state,
      { processId, secret },
      () => void this.#sessions.delete(processId),
    );
    assert(!this.#sessions.has(processId), `number ${processId} is given to one session`);
    this.#sessions.set(processId, { session, state, secret });
    return session;
  }

  #state(startup: ReadonlyMap<string, string>, processId: number): SessionState {
    const user = startup.get('user') ?? defaultUser;
    const database = startup.get('database') ?? user;
    const known = database === defaultDatabase;
    const state = new SessionState(
      this.#coordinator,
      runtimeOf(this.#coordinator, this),
      {
        exists: (other) => this.#sessions.has(other),
        cancel: (other) => this.#sessions.get(other)?.session.cancel(),
        terminate: (other) => this.#sessions.get(other)?.session.terminate(),
      },
      { user, database: defaultDatabase, processId },
    );
    state.settings.setInitial('session_authorization', user);
    for (const [name, value] of startup) {
      if (!notSettings.has(name) && !name.startsWith('_pq_.'))
        state.settings.setInitial(name, value);
    }
    for (const [name, value] of startupOptions(startup.get('options') ?? ''))
      state.settings.setInitial(name, value);
    if (!known) {
      state.notice({
        severity: 'NOTICE',
        code: '00000',
        message: `database "${database}" does not exist; connected to "${defaultDatabase}"`,
      });
    }
    return state;
  }

  cancel(processId: number, secret: number): void {
    const entry = this.#sessions.get(processId);
    if (entry !== undefined && entry.secret === secret) entry.session.cancel();
  }

  list(): readonly {
    readonly processId: number;
    readonly user: string;
    readonly application: string;
  }[] {
    return [...this.#sessions].map(([processId, { state }]) => ({
      processId,
      user: state.user,
      application: state.settings.get('application_name') ?? '',
    }));
  }
}

/** `-c name=value` and `--name=value`, blanks escaped by a backslash. */
function* startupOptions(text: string): Iterable<readonly [string, string]> {
  const words = [...text.matchAll(/(?:\\.|[^\s\\])+/g)].map((match) =>
    match[0].replaceAll(/\\(.)/g, '$1'),
  );
  for (let i = 0; i < words.length; i++) {
    let word = words[i] ?? '';
    if (word === '-c') word = words[++i] ?? '';
    else if (word.startsWith('--')) word = word.slice(2);
    else if (word.startsWith('-c')) word = word.slice(2);
    else throw sqlError('42601', `invalid command-line argument for server process: ${word}`);
    const equals = word.indexOf('=');
    if (equals < 1)
      throw sqlError('42601', `invalid command-line argument for server process: ${word}`);
    yield [word.slice(0, equals).replaceAll('-', '_'), word.slice(equals + 1)];
  }
}
