/**
 * One consumer group, as Kafka's classic protocol has it: members join, the broker waits until all
 * have (or their time is up), the first of them assigns partitions, everybody gets its share.
 *
 * States: `empty` (no member), `joining` (members are asked to join again), `syncing` (the leader's
 * assignment is awaited), `stable`. Every completed join is a new generation; requests of older
 * ones are refused.
 */
import { limits } from '../../../src/base/limits.ts';
import type { ValueOf } from './schema.ts';
import type { joinGroupApi, syncGroupApi } from './messages-group.ts';
import { brokerError } from './errors.ts';
import type { Waits } from './waits.ts';

type JoinRequest = ValueOf<typeof joinGroupApi.request>;
type JoinAnswer = ValueOf<typeof joinGroupApi.answer>;
type SyncRequest = ValueOf<typeof syncGroupApi.request>;

/** What SyncGroup answers, without the parts that are the same for all. */
export interface Synced {
  readonly error: number;
  readonly assignment: Uint8Array;
}

interface Member {
  readonly id: string;
  readonly client: string;
  readonly host: string;
  readonly sessionMilliseconds: number;
  rebalanceMilliseconds: number;
  protocols: JoinRequest['protocols'];
  assignment: Uint8Array;
  join: ((answer: JoinAnswer) => void) | null;
  sync: ((synced: Synced) => void) | null;
  cancelExpiry: () => void;
}

const nothing = new Uint8Array(0);

function joinFailure(error: number, member: string): JoinAnswer {
  return {
    throttleMilliseconds: 0,
    error,
    generation: -1,
    protocolType: null,
    protocol: '',
    leader: '',
    member,
    members: [],
  };
}

/** A copy: what was read is a view of its frame. */
function kept(protocols: JoinRequest['protocols']): JoinRequest['protocols'] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) }));
}

/** See the head of this file. */
export class Group {
  readonly id: string;
  readonly #waits: Waits;
  readonly #members = new Map<string, Member>();
  #state: 'empty' | 'joining' | 'syncing' | 'stable' = 'empty';
  #generation = 0;
  #protocolType = '';
  #protocol = '';
  #leader = '';
  #cancelRebalance = (): void => undefined;

  constructor(id: string, waits: Waits) {
    this.id = id;
    this.#waits = waits;
  }

  get empty(): boolean {
    return this.#members.size === 0;
  }

  join(request: JoinRequest, memberId: string, client: string, host: string): Promise<JoinAnswer> {
    const refusal = this.#joinRefusal(request, memberId);
    if (refusal !== 0) return Promise.resolve(joinFailure(refusal, memberId));
    return new Promise((resolve) => {
      const known = this.#members.get(memberId);
      known?.cancelExpiry();
      known?.sync?.({ error: brokerError.rebalanceInProgress, assignment: nothing });
      known?.join?.(joinFailure(brokerError.unknownMember, memberId));
      this.#members.set(memberId, {
        id: memberId,
        client,
        host,
        sessionMilliseconds: request.sessionMilliseconds,
        rebalanceMilliseconds: Math.max(request.rebalanceMilliseconds, 1),
        protocols: kept(request.protocols),
        assignment: nothing,
        join: resolve,
        sync: null,
        cancelExpiry: () => undefined,
      });
      this.#protocolType = request.protocolType;
      this.#rebalance();
    });
  }

  #joinRefusal(request: JoinRequest, memberId: string): number {
    const { sessionMilliseconds, rebalanceMilliseconds, protocols } = request;
    const longest = limits.brokerTimeoutMillisecondsMax;
    if (
      sessionMilliseconds < 1 ||
      sessionMilliseconds > longest ||
      rebalanceMilliseconds > longest
    ) {
      return brokerError.invalidSessionTimeout;
    }
    if (request.member !== '' && !this.#members.has(request.member))
      return brokerError.unknownMember;
    if (!this.#members.has(memberId) && this.#members.size >= limits.brokerMembersMax)
      return brokerError.policyViolation;
    if (protocols.length === 0) return brokerError.inconsistentProtocol;
    const others = [...this.#members.values()].filter((member) => member.id !== memberId);
    if (others.length > 0 && request.protocolType !== this.#protocolType)
      return brokerError.inconsistentProtocol;
    const common = protocols.some(({ name }) =>
      others.every((member) => member.protocols.some((p) => p.name === name)),
    );
    return common ? 0 : brokerError.inconsistentProtocol;
  }

  /** Everybody must join again; completes when all have, or when the slowest's time is up. */
  #rebalance(): void {
    if (this.#state !== 'joining') {
      this.#state = 'joining';
      for (const member of this.#members.values()) {
        member.sync?.({ error: brokerError.rebalanceInProgress, assignment: nothing });
        member.sync = null;
      }
      const longest = Math.max(
        ...[...this.#members.values()].map((member) => member.rebalanceMilliseconds),
      );
      this.#cancelRebalance();
      this.#cancelRebalance = this.#waits.after(longest, () => this.#complete());
    }
    if ([...this.#members.values()].every((member) => member.join !== null)) this.#complete();
  }

  #complete(): void {
    if (this.#state !== 'joining') return;
    this.#cancelRebalance();
    for (const member of [...this.#members.values()])
      if (member.join === null) this.#forget(member);
    this.#generation++;
    const members = [...this.#members.values()];
    const [first] = members;
    if (first === undefined) {
      this.#state = 'empty';
      return;
    }
    if (!this.#members.has(this.#leader)) this.#leader = first.id;
    this.#protocol =
      first.protocols.find(({ name }) =>
        members.every((member) => member.protocols.some((p) => p.name === name)),
      )?.name ?? '';
    this.#state = 'syncing';
    for (const member of members) this.#answerJoin(member, members);
  }

  #answerJoin(member: Member, members: readonly Member[]): void {
    const list =
      member.id !== this.#leader
        ? []
        : members.map(({ id, protocols }) => ({
            member: id,
            instance: null,
            metadata: protocols.find(({ name }) => name === this.#protocol)?.metadata ?? nothing,
          }));
    member.join?.({
      throttleMilliseconds: 0,
      error: 0,
      generation: this.#generation,
      protocolType: this.#protocolType,
      protocol: this.#protocol,
      leader: this.#leader,
      member: member.id,
      members: list,
    });
    member.join = null;
    this.#expect(member);
  }

  /** The member must be heard of within its session's time. */
  #expect(member: Member): void {
    member.cancelExpiry();
    member.cancelExpiry = this.#waits.after(member.sessionMilliseconds, () => {
      if (member.join === null) this.#remove(member);
    });
  }

  #forget(member: Member): void {
    member.cancelExpiry();
    member.sync?.({ error: brokerError.unknownMember, assignment: nothing });
    member.join?.(joinFailure(brokerError.unknownMember, member.id));
    this.#members.delete(member.id);
  }

  #remove(member: Member): void {
    if (this.#members.get(member.id) !== member) return;
    this.#forget(member);
    if (this.#members.size > 0) return this.#rebalance();
    this.#cancelRebalance();
    this.#state = 'empty';
    this.#generation++;
  }

  #check(memberId: string, generation: number): Member | number {
    const member = this.#members.get(memberId);
    if (member === undefined) return brokerError.unknownMember;
    return generation === this.#generation ? member : brokerError.illegalGeneration;
  }

  sync(request: SyncRequest): Promise<Synced> {
    const member = this.#check(request.member, request.generation);
    if (typeof member === 'number') return Promise.resolve({ error: member, assignment: nothing });
    if (this.#state === 'joining') {
      return Promise.resolve({ error: brokerError.rebalanceInProgress, assignment: nothing });
    }
    this.#expect(member);
    if (this.#state === 'stable')
      return Promise.resolve({ error: 0, assignment: member.assignment });
    return new Promise((resolve) => {
      member.sync = resolve;
      if (member.id === this.#leader) this.#assign(request.assignments);
    });
  }

  #assign(assignments: SyncRequest['assignments']): void {
    this.#state = 'stable';
    const shares = new Map(assignments.map(({ member, assignment }) => [member, assignment]));
    for (const member of this.#members.values()) {
      member.assignment = new Uint8Array(shares.get(member.id) ?? nothing);
      member.sync?.({ error: 0, assignment: member.assignment });
      member.sync = null;
    }
  }

  heartbeat(memberId: string, generation: number): number {
    const member = this.#check(memberId, generation);
    if (typeof member === 'number') return member;
    this.#expect(member);
    return this.#state === 'joining' ? brokerError.rebalanceInProgress : brokerError.none;
  }

  leave(memberId: string): number {
    const member = this.#members.get(memberId);
    if (member === undefined) return brokerError.unknownMember;
    this.#remove(member);
    return brokerError.none;
  }

  /**
   * The error for which a member may not commit offsets; a commit from outside needs an empty
   * group.
   */
  mayCommit(memberId: string, generation: number): number {
    if (generation < 0 && memberId === '')
      return this.empty ? brokerError.none : brokerError.unknownMember;
    const member = this.#check(memberId, generation);
    return typeof member === 'number' ? member : brokerError.none;
  }

  describe(): {
    readonly state: string;
    readonly protocolType: string;
    readonly protocol: string;
    readonly members: readonly {
      member: string;
      instance: null;
      client: string;
      host: string;
      metadata: Uint8Array;
      assignment: Uint8Array;
    }[];
  } {
    const names = {
      empty: 'Empty',
      joining: 'PreparingRebalance',
      syncing: 'CompletingRebalance',
      stable: 'Stable',
    };
    const members = [...this.#members.values()].map((member) => ({
      member: member.id,
      instance: null,
      client: member.client,
      host: member.host,
      assignment: member.assignment,
      metadata: member.protocols.find(({ name }) => name === this.#protocol)?.metadata ?? nothing,
    }));
    return {
      state: names[this.#state],
      protocolType: this.#protocolType,
      protocol: this.#protocol,
      members,
    };
  }
}
