/**
 * Goal: the protocol behaves as Postgres 15 does, message by message. Method: conversations with a
 * whole server; every expected answer was written down from a real Postgres, apart from what is
 * marked as our own.
 */
import { Client } from 'pg';
import { serialize } from 'pg-protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock, realEntropy } from '../../src/base/real/seam.ts';
import { Millrace } from '../../src/cli/millrace.ts';
import { WireClient } from './wire-client.ts';

const silent = {
  info: () => undefined,
  warn: () => undefined,
  error: (message: string) => {
    throw new Error(message);
  },
};
let server: Millrace;

beforeAll(async () => {
  server = await Millrace.start({
    host: '127.0.0.1',
    port: 0,
    clock: realClock,
    entropy: realEntropy,
    log: silent,
  });
  const client = await WireClient.open(server.port);
  await client.query('CREATE TABLE t (k int PRIMARY KEY, v text)');
  await client.query("INSERT INTO t SELECT g, 'v' || g FROM generate_series(1, 10) AS x (g)");
  await client.query('CREATE TABLE big (a int)');
  await client.query('INSERT INTO big SELECT g FROM generate_series(1, 30000) AS x (g)');
  client.destroy();
});

afterAll(() => server.stop());

async function session(run: (client: WireClient) => Promise<void>): Promise<void> {
  const client = await WireClient.open(server.port);
  try {
    await run(client);
  } finally {
    client.destroy();
  }
}

const { parse, bind, describe: describeMessage, execute, sync, flush, close, query } = serialize;

describe('simple queries', () => {
  it('answer each statement, an empty one too', () =>
    session(async (client) => {
      expect(await client.query('SELECT 1 AS a; SELECT 2 AS b')).toEqual([
        'T a',
        'D 1',
        'C SELECT 1',
        'T b',
        'D 2',
        'C SELECT 1',
        'Z I',
      ]);
      expect(await client.query('')).toEqual(['I', 'Z I']);
      expect(await client.query(';')).toEqual(['I', 'Z I']);
    }));

  it('run nothing of a text with a syntax error', () =>
    session(async (client) => {
      expect(await client.query('SELECT 1; SELEC 2')).toEqual([
        'E 42601 syntax error at or near "SELEC"',
        'Z I',
      ]);
    }));

  it('stop at the first error and undo what was written', () =>
    session(async (client) => {
      expect(await client.query('INSERT INTO big VALUES (-77); SELECT nothing; SELECT 3')).toEqual([
        'C INSERT 0 1',
        'E 42703 column "nothing" does not exist',
        'Z I',
      ]);
      expect(await client.query('SELECT count(*) FROM big WHERE a = -77')).toEqual([
        'T count',
        'D 0',
        'C SELECT 1',
        'Z I',
      ]);
    }));

  it('keep a failed block failed until it ends', () =>
    session(async (client) => {
      expect(await client.query('BEGIN')).toEqual(['C BEGIN', 'Z T']);
      expect(await client.query('SELECT nothing')).toEqual([
        'E 42703 column "nothing" does not exist',
        'Z E',
      ]);
      expect(await client.query('SELECT 1')).toEqual([
        'E 25P02 current transaction is aborted, commands ignored until end of transaction block',
        'Z E',
      ]);
      expect(await client.query('COMMIT')).toEqual(['C ROLLBACK', 'Z I']);
      expect(await client.query('COMMIT')).toEqual([
        'N 25P01 there is no transaction in progress',
        'C COMMIT',
        'Z I',
      ]);
    }));

  it('report changed settings just before they are done', () =>
    session(async (client) => {
      expect(await client.query("SET application_name = 'x'")).toEqual([
        'C SET',
        'S application_name x',
        'Z I',
      ]);
      expect(await client.query('RESET application_name')).toEqual([
        'C RESET',
        'S application_name',
        'Z I',
      ]);
      expect(await client.query('RESET application_name')).toEqual(['C RESET', 'Z I']);
    }));

  it('report a time zone that has become another', () =>
    session(async (client) => {
      expect(await client.query("SET TimeZone = 'Europe/Berlin'")).toEqual([
        'C SET',
        'S TimeZone Europe/Berlin',
        'Z I',
      ]);
      expect(await client.query("SET TimeZone = 'europe/berlin'")).toEqual(['C SET', 'Z I']);
    }));
});

describe('the extended protocol', () => {
  it('describes, binds and executes', () =>
    session(async (client) => {
      expect(
        await client.ask(
          parse({ text: 'SELECT k, v FROM t WHERE k = $1' }),
          describeMessage({ type: 'S' }),
          bind({ values: ['2'] }),
          describeMessage({ type: 'P' }),
          execute(),
          sync(),
        ),
      ).toEqual(['1', 't 23', 'T k,v', '2', 'T k,v', 'D 2|v2', 'C SELECT 1', 'Z I']);
    }));

  it('answers many executions of one statement, with keys that are there and are not', () =>
    session(async (client) => {
      await client.ask(parse({ name: 'p', text: 'SELECT v FROM t WHERE k = $1' }), sync());
      const ask = (key: string | null): Uint8Array[] => [
        bind({ statement: 'p', values: [key] }),
        execute(),
        sync(),
      ];
      client.send(...['3', '99', null, '4'].flatMap(ask));
      const lines = [
        ...(await client.until('Z')),
        ...(await client.until('Z')),
        ...(await client.until('Z')),
        ...(await client.until('Z')),
      ];
      expect(lines).toEqual([
        '2',
        'D v3',
        'C SELECT 1',
        'Z I',
        '2',
        'C SELECT 0',
        'Z I',
        '2',
        'C SELECT 0',
        'Z I',
        '2',
        'D v4',
        'C SELECT 1',
        'Z I',
      ]);
    }));

  it('looks up by key inside a block and sees what was written before', () =>
    session(async (client) => {
      await client.ask(parse({ name: 'q', text: 'SELECT v FROM t WHERE k = $1' }), sync());
      const ask = [bind({ statement: 'q', values: ['500'] }), execute(), sync()];
      expect(await client.ask(...ask)).toEqual(['2', 'C SELECT 0', 'Z I']);
      await client.query("INSERT INTO t VALUES (500, 'new')");
      expect(await client.ask(...ask)).toEqual(['2', 'D new', 'C SELECT 1', 'Z I']);
      await client.query('BEGIN');
      expect(await client.ask(...ask)).toEqual(['2', 'D new', 'C SELECT 1', 'Z T']);
      await client.query('COMMIT');
      await client.query('DELETE FROM t WHERE k = 500');
      expect(await client.ask(...ask)).toEqual(['2', 'C SELECT 0', 'Z I']);
    }));

  it('plans a prepared lookup anew when its table was made anew', () =>
    session(async (client) => {
      await client.query('CREATE TABLE again (k int PRIMARY KEY, v text)');
      await client.query("INSERT INTO again VALUES (1, 'old')");
      await client.ask(parse({ name: 'r', text: 'SELECT v FROM again WHERE k = $1' }), sync());
      const ask = [bind({ statement: 'r', values: ['1'] }), execute(), sync()];
      expect(await client.ask(...ask)).toEqual(['2', 'D old', 'C SELECT 1', 'Z I']);
      await client.query('DROP TABLE again');
      await client.query('CREATE TABLE again (k int PRIMARY KEY, v text)');
      await client.query("INSERT INTO again VALUES (1, 'new')");
      expect(await client.ask(...ask)).toEqual(['2', 'D new', 'C SELECT 1', 'Z I']);
    }));

  it('gives binary results where they are asked for', () =>
    session(async (client) => {
      expect(
        await client.ask(
          parse({ text: 'SELECT 258 AS n, true AS b' }),
          bind({ binary: true }),
          describeMessage({ type: 'P' }),
          execute(),
          sync(),
        ),
      ).toEqual(['1', '2', 'T n:binary,b:binary', 'D x00000102|x01', 'C SELECT 1', 'Z I']);
    }));

  it('suspends a portal at its row limit', () =>
    session(async (client) => {
      expect(
        await client.ask(
          parse({ text: 'SELECT k FROM t ORDER BY k LIMIT 3' }),
          bind({}),
          execute({ rows: 2 }),
          execute({ rows: 1 }),
          execute({ rows: 2 }),
          sync(),
        ),
      ).toEqual(['1', '2', 'D 1', 'D 2', 's', 'D 3', 's', 'C SELECT 0', 'Z I']);
    }));

  it('ends a portal that was looked up', () =>
    session(async (client) => {
      expect(
        await client.ask(
          parse({ text: 'SELECT v FROM t WHERE k = $1' }),
          bind({ values: ['1'] }),
          execute(),
          execute(),
          sync(),
        ),
      ).toEqual(['1', '2', 'D v1', 'C SELECT 1', 'C SELECT 0', 'Z I']);
    }));

  it('skips to Sync after an error', () =>
    session(async (client) => {
      client.send(
        parse({ text: 'SELECT 1/0' }),
        bind({}),
        execute(),
        parse({ text: 'SELECT 2' }),
        query('SELECT 3'),
        sync(),
        query('SELECT 4'),
      );
      const first = await client.until('Z');
      expect(first.slice(-2)).toEqual(['E 22012 division by zero', 'Z I']);
      expect(await client.until('Z')).toEqual(['T ?column?', 'D 4', 'C SELECT 1', 'Z I']);
    }));

  it('names what is not there', () =>
    session(async (client) => {
      expect(await client.ask(bind({ statement: 'none' }), sync())).toEqual([
        'E 26000 prepared statement "none" does not exist',
        'Z I',
      ]);
      expect(await client.ask(execute({ portal: 'none' }), sync())).toEqual([
        'E 34000 portal "none" does not exist',
        'Z I',
      ]);
      expect(await client.ask(close({ type: 'S', name: 'none' }), sync())).toEqual(['3', 'Z I']);
      expect(await client.ask(parse({ text: 'SELECT 1; SELECT 2' }), sync())).toEqual([
        'E 42601 cannot insert multiple commands into a prepared statement',
        'Z I',
      ]);
      expect(await client.ask(parse({ text: 'SELECT $2::text' }), sync())).toEqual([
        'E 42P18 could not determine data type of parameter $1',
        'Z I',
      ]);
      expect(
        await client.ask(parse({ text: 'SELECT $1::int' }), bind({ values: [] }), sync()),
      ).toEqual([
        '1',
        'E 08P01 bind message supplies 0 parameters, but prepared statement "" requires 1',
        'Z I',
      ]);
      expect(
        await client.ask(parse({ text: 'SELECT $1::int' }), bind({ values: ['x'] }), sync()),
      ).toEqual(['1', 'E 22P02 invalid input syntax for type integer: "x"', 'Z I']);
    }));

  it('flushes when asked', () =>
    session(async (client) => {
      client.send(parse({ text: 'SELECT 5' }), flush());
      expect(await client.until('1')).toEqual(['1']);
      expect(await client.ask(bind({}), execute(), sync())).toEqual([
        '2',
        'D 5',
        'C SELECT 1',
        'Z I',
      ]);
    }));
});

describe('cursors', () => {
  it('share their rows with the portal of the same name', () =>
    session(async (client) => {
      await client.query('BEGIN');
      client.send(
        parse({ text: 'SELECT k FROM t ORDER BY k' }),
        bind({ portal: 'x' }),
        execute({ portal: 'x', rows: 2 }),
        sync(),
      );
      expect(await client.until('Z')).toEqual(['1', '2', 'D 1', 'D 2', 's', 'Z T']);
      expect(await client.query('FETCH 1 x')).toEqual(['T k', 'D 3', 'C FETCH 1', 'Z T']);
      expect(await client.query('DECLARE c CURSOR FOR SELECT k FROM t ORDER BY k')).toEqual([
        'C DECLARE CURSOR',
        'Z T',
      ]);
      expect(await client.query('FETCH 2 c')).toEqual(['T k', 'D 1', 'D 2', 'C FETCH 2', 'Z T']);
      expect(await client.ask(execute({ portal: 'c', rows: 1 }), sync())).toEqual([
        'D 3',
        's',
        'Z T',
      ]);
      expect(await client.query('CLOSE c')).toEqual(['C CLOSE CURSOR', 'Z T']);
      expect(await client.query('FETCH c')).toEqual(['E 34000 cursor "c" does not exist', 'Z E']);
    }));

  it('over a subscription wait for rows, or for their timeout', () =>
    session(async (client) => {
      await client.query('CREATE TABLE feed (a int)');
      await client.query('BEGIN');
      await client.query('DECLARE c CURSOR FOR SUBSCRIBE feed');
      expect(await client.query("FETCH ALL c WITH (timeout = '10ms')")).toEqual([
        'T mz_timestamp,mz_diff,a',
        'C FETCH 0',
        'Z T',
      ]);
      await session(async (other) => {
        await other.query('INSERT INTO feed VALUES (1)');
      });
      const lines = await client.query("FETCH ALL c WITH (timeout = '5s')");
      expect(lines.map((line) => line.replace(/^D \d+/, 'D time'))).toEqual([
        'T mz_timestamp,mz_diff,a',
        'D time|1|1',
        'C FETCH 1',
        'Z T',
      ]);
    }));
});

describe('COPY', () => {
  it('takes text and csv, and nothing of data with a bad line', () =>
    session(async (client) => {
      await client.query('CREATE TABLE cp (a int, b text)');
      const send = async (
        text: string,
        ...chunks: readonly string[]
      ): Promise<readonly string[]> => {
        client.send(
          query(text),
          ...chunks.map((chunk) => serialize.copyData(Buffer.from(chunk))),
          serialize.copyDone(),
        );
        return client.until('Z');
      };
      expect(await send('COPY cp FROM STDIN', '1\ton', 'e\n2\t\\N\n')).toEqual([
        'G',
        'C COPY 2',
        'Z I',
      ]);
      expect(await send('COPY cp FROM STDIN (FORMAT csv)', '3,"x, y"\n')).toEqual([
        'G',
        'C COPY 1',
        'Z I',
      ]);
      expect(await send('COPY cp FROM STDIN', '4\tx\noops\ty\n')).toEqual([
        'G',
        'E 22P02 invalid input syntax for type integer: "oops" (COPY cp, line 2, column a: "oops")',
        'Z I',
      ]);
      expect(await send('COPY cp FROM STDIN', '4\n')).toEqual([
        'G',
        'E 22P04 missing data for column "b" (COPY cp, line 1: "4")',
        'Z I',
      ]);
      expect(await client.query('COPY (SELECT * FROM cp ORDER BY a) TO STDOUT')).toEqual([
        'H',
        'd 1\tone',
        'd 2\t\\N',
        'd 3\tx, y',
        'c',
        'C COPY 3',
        'Z I',
      ]);
    }));

  it('is given up by CopyFail', () =>
    session(async (client) => {
      client.send(query('COPY big FROM STDIN'), serialize.copyFail('no more'));
      expect(await client.until('Z')).toEqual([
        'G',
        'E 57014 COPY from stdin failed: no more (COPY big, line 1)',
        'Z I',
      ]);
    }));
});

/** CancelRequest for a client, on a connection of its own. */
async function cancel(client: WireClient): Promise<void> {
  const canceller = await WireClient.raw(server.port);
  canceller.send(serialize.cancel(client.processId, client.secret));
  await canceller.until('closed');
}

describe('cancelling', () => {
  it('ends a large join', () =>
    session(async (client) => {
      client.send(query('SELECT count(*) FROM big x, big y WHERE x.a + y.a < 0'));
      await new Promise((resolve) => setTimeout(resolve, 200));
      await cancel(client);
      const lines = await client.until('Z');
      expect(lines.slice(-2)).toEqual(['E 57014 canceling statement due to user request', 'Z I']);
    }));

  it('ends a subscription', () =>
    session(async (client) => {
      client.send(query('COPY (SUBSCRIBE t) TO STDOUT'));
      await client.until('d');
      await cancel(client);
      const lines = await client.until('Z');
      expect(lines.slice(-2)).toEqual(['E 57014 canceling statement due to user request', 'Z I']);
    }));

  it('happens by itself after statement_timeout', () =>
    session(async (client) => {
      await client.query("SET statement_timeout = '50ms'");
      const lines = await client.query('SELECT count(*) FROM big x, big y WHERE x.a + y.a < 0');
      expect(lines.slice(-2)).toEqual([
        'E 57014 canceling statement due to statement timeout',
        'Z I',
      ]);
    }));
});

describe('start-up', () => {
  it('negotiates a newer minor version', async () => {
    const client = await WireClient.raw(server.port);
    const packet = Buffer.from(serialize.startup({ user: 'u', '_pq_.unheard': '1' }));
    packet.writeInt16BE(2, 6);
    client.send(packet);
    expect((await client.until('Z'))[0]).toBe('v');
    client.destroy();
  });

  it('connects to the default database with a notice (our own)', async () => {
    const client = await WireClient.raw(server.port);
    client.send(serialize.startup({ user: 'u', database: 'nodb' }));
    expect((await client.until('Z')).slice(-2)).toEqual([
      'N 00000 database "nodb" does not exist; connected to "materialize"',
      'Z I',
    ]);
    client.destroy();
  });

  it('refuses unknown and bad settings', async () => {
    for (const [name, value, answer] of [
      ['nope', '1', 'E 42704 unrecognized configuration parameter "nope"'],
      ['TimeZone', 'Mars/X', 'E 22023 invalid value for parameter "TimeZone": "Mars/X"'],
    ] as const) {
      const client = await WireClient.raw(server.port);
      client.send(serialize.startup({ user: 'u', [name]: value }));
      expect(await client.until('closed')).toEqual([answer, 'closed']);
    }
  });
});

describe('node-postgres', () => {
  it('reads and writes through parameters', async () => {
    const client = new Client({
      host: '127.0.0.1',
      port: server.port,
      user: 'pg',
      database: 'materialize',
    });
    await client.connect();
    const { rows } = await client.query(
      'SELECT $1::int AS a, $2::text AS b, $3::timestamptz AS c, $4::int[] AS d',
      [7, 'é', new Date('2024-05-06T07:08:09.123Z'), [1, 2]],
    );
    expect(rows).toEqual([{ a: 7, b: 'é', c: new Date('2024-05-06T07:08:09.123Z'), d: [1, 2] }]);
    await client.end();
  });
});
