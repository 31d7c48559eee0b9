/**
 * Goal: whoever waits for an answer hears for which source, and only then. Method: a whole engine on
 * a clock that the test moves, with a topic whose broker answers or does not.
 */
import { expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { FakeTopic } from '../../../test/support/fake-topic.ts';
import { Random } from '../../../test/support/random.ts';
import { SessionHarness } from '../../../test/support/session-harness.ts';

it('tells a read that waits for a stalled source for whom, once', async () => {
  const clock = new FakeClock();
  const topic = new FakeTopic(clock, new Random(1), 1);
  topic.failures = 0;
  topic.produce(0);
  const harness = await SessionHarness.open(() => topic.connection(), clock);
  const sql = harness.session();
  await clock.until(sql.run("CREATE CONNECTION c TO KAFKA (BROKER 'here:9092')"));
  await clock.until(
    sql.run(
      "CREATE SOURCE s FROM KAFKA CONNECTION c (TOPIC 't') FORMAT TEXT; CREATE TABLE t (k int8)",
    ),
  );
  topic.failures = 1;
  await clock.until(sql.run('CREATE VIEW v AS SELECT text FROM s'));
  let calls = 0;
  sql.session.onNotice(() => calls++);
  const read = sql.run('SELECT count(*) FROM v CROSS JOIN (SELECT count(*) FROM t) AS one');
  await clock.advance(30_000);
  expect(calls).toBe(1);
  expect(sql.session.notices()).toEqual([
    {
      severity: 'NOTICE',
      code: '00000',
      message: 'the answer waits for source "s", which is stalled',
      detail: 'the broker does not answer',
    },
  ]);
  topic.failures = 0;
  expect((await clock.until(read)).rows).toEqual([[String(topic.records().length)]]);
  await clock.until(sql.run('SELECT count(*) FROM t'));
  await clock.advance(30_000);
  expect(calls).toBe(1);
  await clock.until(harness.close());
});
