/**
 * The longest turns of the dataflow thread: the time between two chances to answer a message, for
 * one scenario after another that once made a turn long. Everything runs in one thread, statements
 * through a session, so that a turn is timed exactly, in CPU time; garbage collection counts.
 */
import { realClock, realEntropy, stderrLog } from '../src/base/real/seam.ts';
import { limits } from '../src/base/limits.ts';
import { systemRelations } from '../src/catalog/system/all.ts';
import { Coordinator } from '../src/coordinator/coordinator.ts';
import { DataflowHost } from '../src/coordinator/dataflow-host.ts';
import type { EngineLink, HostCommand, HostResponse } from '../src/coordinator/engine-link.ts';
import { SessionRegistry } from '../src/coordinator/session-registry.ts';
import type { Session } from '../src/coordinator/session.ts';
import { initializeParser } from '../src/sql/parse/parse.ts';
import type { BenchOptions } from './run.ts';
import { figure } from './support/figure.ts';
import type { Figure } from './support/figure.ts';

/** CPU time of this thread: what others do on the machine meanwhile does not count. */
function cpuMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Drives a host as the worker thread does, timing every turn and every command. */
class TimedLink implements EngineLink {
  /** CPU milliseconds of the longest turn since `restart`. */
  longest = 0;
  readonly #host = new DataflowHost({
    respond: (response) => void this.#responses.push(response),
    now: () => realClock.monotonic(),
  });
  #handler: (response: HostResponse) => void = () => undefined;
  readonly #responses: HostResponse[] = [];
  readonly #commands: HostCommand[] = [];
  #scheduled = false;

  receive(handler: (response: HostResponse) => void): void {
    this.#handler = handler;
  }

  send(command: HostCommand): void {
    this.#commands.push(command);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    realClock.soon(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const start = cpuMilliseconds();
    for (const command of this.#commands.splice(0)) this.#host.command(command);
    const more = this.#host.run(limits.turnMillisecondsMax);
    this.longest = Math.max(this.longest, cpuMilliseconds() - start);
    for (const response of this.#responses.splice(0)) this.#handler(response);
    if (more) this.#schedule();
  }

  restart(): void {
    this.longest = 0;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Statements whose turns are timed together. */
interface Scenario {
  readonly name: string;
  readonly before: readonly string[];
  readonly timed: readonly string[];
}

const million = 'generate_series(1, 1000000) g';

const scenarios: readonly Scenario[] = [
  {
    name: 'insert 1e6',
    before: ['create table a (k int8, v int8)'],
    timed: [`insert into a select 1, g from ${million}`],
  },
  {
    name: 'insert 1e6, many keys',
    before: ['create table b (k int8, v int8, t text)'],
    timed: [`insert into b select g, g % 1000, 'row ' || g from ${million}`],
  },
  {
    name: 'index b',
    before: [],
    timed: ['create index b_v on b (v)', 'select count(*) from b where v = 7'],
  },
  {
    name: 'count of one group',
    before: [],
    timed: [
      'create materialized view a_count as select k, count(*) n, sum(v) s from a group by k',
      'select * from a_count',
    ],
  },
  {
    name: 'min, max of one group',
    before: [],
    timed: [
      'create materialized view a_max as select k, min(v), max(v) from a group by k',
      'select * from a_max',
    ],
  },
  {
    name: 'distinct of one group',
    before: [],
    timed: [
      'create materialized view a_distinct as select k, count(distinct v) from a group by k',
      'select * from a_distinct',
    ],
  },
  {
    name: 'string_agg of one group',
    before: ['create view a_some as select k, v from a where v <= 300000'],
    timed: [
      "create materialized view a_text as select k, string_agg(v::text, ',' order by v) t from a_some group by k",
      'select length(t) from a_text',
    ],
  },
  {
    name: 'top-k of one group',
    before: [],
    timed: [
      'create materialized view a_top as select * from a order by v desc limit 1000',
      'select count(*) from a_top',
    ],
  },
  {
    name: 'top-k offset',
    before: [],
    timed: [
      'create materialized view a_deep as select * from a order by v desc limit 10 offset 500000',
      'select * from a_deep',
    ],
  },
  {
    name: 'one more row',
    before: [],
    timed: [
      'insert into a values (1, 2000000)',
      'select * from a_max',
      'select length(t) from a_text',
      'select * from a_deep',
      'delete from a where v = 2000000',
      'select * from a_max',
      'select * from a_deep',
    ],
  },
  {
    name: 'change a text group',
    before: [],
    timed: ['insert into a values (1, 5)', 'select length(t) from a_text'],
  },
  {
    name: 'groups by b',
    before: [],
    timed: [
      "create materialized view b_groups as select k, max(v), count(*), string_agg(t, '') from b group by k",
      'select count(*) from b_groups',
    ],
  },
  {
    name: 'distinct b',
    before: [],
    timed: [
      'create materialized view b_distinct as select distinct v, t from b',
      'select count(*) from b_distinct',
    ],
  },
  {
    name: 'join b b',
    before: [],
    timed: [
      'create materialized view b_join as select x.k, y.t from b x join b y on x.k = y.v',
      'select count(*) from b_join',
    ],
  },
  {
    name: 'left join, semijoin',
    before: [],
    timed: [
      'create materialized view b_left as select x.k, y.t from b x left join b y on x.k = y.k + 500000 where x.v in (select v from a)',
      'select count(*) from b_left',
    ],
  },
  { name: 'sort of 1e6', before: [], timed: ['select * from b order by t desc'] },
  { name: 'sort with limit', before: [], timed: ['select * from b order by t desc limit 10'] },
  {
    name: 'one-off sort of a query',
    before: [],
    timed: ['select v, t, k + 1 from b where k % 2 = 0 order by v, t'],
  },
  { name: 'large answer', before: [], timed: ['select * from b'] },
  {
    name: 'delete half',
    before: [],
    timed: ['delete from b where k % 2 = 0', 'select count(*) from b'],
  },
  {
    name: 'update half',
    before: [],
    timed: ['update b set v = v + 1 where k % 4 = 1', 'select count(*) from b'],
  },
  {
    name: 'drop views',
    before: [],
    timed: [
      'drop materialized view b_left',
      'drop materialized view b_join',
      'drop materialized view b_distinct',
      'drop materialized view b_groups',
      'drop materialized view a_max',
      'drop materialized view a_distinct',
      'drop materialized view a_text',
      'drop materialized view a_deep',
      'select count(*) from a',
    ],
  },
  { name: 'delete one key', before: [], timed: ['delete from a', 'select count(*) from a'] },
  {
    name: 'drop tables',
    before: [],
    timed: ['drop table b cascade', 'drop table a cascade', 'select 1'],
  },
];

/** What each aggregate that collects costs over one group of a million rows. */
const collecting: readonly Scenario[] = [
  "string_agg(t, ',')",
  'array_agg(v)',
  'array_agg(t)',
  'jsonb_agg(t)',
  'jsonb_object_agg(t, v)',
].flatMap((call, i): readonly Scenario[] => {
  const table =
    i > 0
      ? []
      : [
          'create table c (k int8, v int8, t text)',
          `insert into c select 1, g, 'text ' || g from ${million}`,
        ];
  return [
    {
      name: `${call} of 1e6`,
      before: table,
      timed: [
        `create materialized view c${i} as select k, ${call} x from c group by k`,
        `select k from c${i}`,
      ],
    },
    {
      name: `${call}, a change`,
      before: [],
      timed: ["insert into c values (1, 5, 'new')", `select k from c${i}`],
    },
    {
      name: `${call}, passed on`,
      before: [],
      timed: [
        `create materialized view c${i}_on as select k + 1 as k, x from c${i}`,
        `select k from c${i}_on`,
      ],
    },
    { name: `${call}, dropped`, before: [], timed: [`drop materialized view c${i} cascade`] },
  ];
});

async function execute(session: Session, text: string): Promise<void> {
  for (const statement of session.parseScript(text)) {
    const outcome = await session.run(statement);
    if (outcome.kind === 'rows') while ((await outcome.next()) !== null);
  }
  await session.sync(false);
}

/** Milliseconds that the issue of the project allows the longest pause. */
const allowedMilliseconds = 20;

/** Runs all scenarios, one after the other on one state; `parts` says which figures are given. */
export async function run({ parts }: BenchOptions): Promise<readonly Figure[]> {
  await initializeParser();
  const link = new TimedLink();
  const coordinator = new Coordinator({
    link,
    clock: realClock,
    entropy: realEntropy,
    log: stderrLog,
    system: systemRelations,
    connect: () => {
      throw new Error('no Kafka here');
    },
  });
  const session = new SessionRegistry(coordinator).open(new Map([['user', 'bench']]), '');
  const figures: Figure[] = [];
  for (const { name, before, timed } of [...scenarios, ...collecting]) {
    for (const text of before) await execute(session, text);
    link.restart();
    for (const text of timed) await execute(session, text);
    if (parts.length === 0 || parts.includes(name))
      figures.push(figure(name, link.longest, allowedMilliseconds, 'ms', 1));
  }
  await coordinator.close();
  return figures;
}
