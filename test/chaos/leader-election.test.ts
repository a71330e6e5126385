import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createRedisConnection } from '../../src/redis/connection.ts';
import { createLeaderElection, type Leadership } from '../../src/redis/leader-election.ts';
import { describeWithRedisServer, redisAddress, type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { afterwards } from '../http/events/stage.ts';

const BOUND_MS = 900;
/** A busy machine may be late; the point is that no replica waits for a bound that it need not. */
const AT_ONCE_MS = 400;

interface Candidate {
  readonly term: () => Leadership | undefined;
  readonly stop: () => Promise<void>;
}

const leaderOf = (candidates: readonly Candidate[]) =>
  until(() => candidates.find(({ term }) => term() !== undefined));

/** How long it takes until another one than `before` leads. */
async function succession(candidates: readonly Candidate[], before: Candidate): Promise<number> {
  const startedAt = performance.now();
  await leaderOf(candidates.filter((candidate) => candidate !== before));
  return performance.now() - startedAt;
}

describeWithRedisServer('the election', () => {
  let server: RedisServer;
  let names = 0;
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => {
    names += 1;
  });
  afterAll(() => server.stop());

  async function stand(redisServer = server): Promise<Candidate> {
    const redis = createRedisConnection({
      address: redisAddress(redisServer.url),
      commandTimeoutMs: 500,
      probeIntervalMs: 50,
    });
    const elector = createLeaderElection(
      { redis, random: Math.random },
      { name: `job-${names}`, boundMs: BOUND_MS },
    );
    redis.start();
    afterwards(() => redis.stop());
    await until(() => redis.epoch());
    let current: Leadership | undefined;
    elector.start(async (term) => {
      current = term;
      await new Promise((resolve) => {
        term.signal.addEventListener('abort', resolve);
        if (term.signal.aborted) resolve(undefined);
      });
      current = undefined;
    });
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= elector.stop());
    afterwards(stop);
    return { term: () => current, stop };
  }

  test('has one winner, who stays as long as they are there', async () => {
    const candidates = [await stand(), await stand(), await stand()];
    const leader = await leaderOf(candidates);
    const terms = new Set<Leadership | undefined>();
    const end = performance.now() + 2 * BOUND_MS;
    await until(() => {
      const leading = candidates.filter(({ term }) => term() !== undefined);
      expect(leading).toEqual([leader]);
      terms.add(leader.term());
      return performance.now() > end ? true : undefined;
    });
    expect(terms.size).toBe(1);
  });

  test('is held again at once when the winner stops, who hands over what they have come to', async () => {
    const first = await stand();
    const term = await until(() => first.term());
    expect(await term.load()).toBeUndefined();
    await term.save('one');
    await term.save('two');
    const second = await stand();
    await first.stop();
    expect(await succession([second], first)).toBeLessThan(AT_ONCE_MS);
    expect(await second.term()?.load()).toBe('two');
  });

  test('is held again within the bound when the winner is frozen, who then knows and changes nothing', async () => {
    const [first, second] = [await stand(), await stand()];
    const leader = await leaderOf([first, second]);
    const other = leader === first ? second : first;
    const term = await until(() => leader.term());
    await term.save('mine');
    const lock = `metadata-bff:{job-${names}}:lock`;
    const progress = `metadata-bff:{job-${names}}:progress`;
    await until(async () => ((await server.command('GET', progress)) === 'mine' ? true : undefined));
    // As after a freeze: its lock is another's by now.
    await server.command('SET', lock, 'another program', 'PX', String(BOUND_MS));
    await server.command('SET', progress, 'theirs');
    await term.save('late');
    await until(() => (term.signal.aborted ? true : undefined));
    expect(await server.command('GET', progress)).toBe('theirs');
    expect(await server.command('GET', lock)).toBe('another program');
    const winner = await leaderOf([leader, other]);
    expect(await winner.term()?.load()).toBe('theirs');
  });

  test('is undecided while Redis is down: the winner stops within the bound, and goes on when it is back', async () => {
    const own = await startRedis();
    afterwards(() => own.stop());
    const candidate = await stand(own);
    const term = await until(() => candidate.term());
    const startedAt = performance.now();
    own.freeze();
    await until(() => (term.signal.aborted ? true : undefined));
    expect(performance.now() - startedAt).toBeLessThan(BOUND_MS + AT_ONCE_MS);
    expect(candidate.term()).toBeUndefined();
    own.thaw();
    await until(() => candidate.term());
  });

  test('stands when Redis is full, and so does what the winner has come to', async () => {
    const own = await startRedis();
    afterwards(() => own.stop());
    const candidate = await stand(own);
    const term = await until(() => candidate.term());
    await own.command('CONFIG', 'SET', 'maxmemory', '1');
    const end = performance.now() + 2 * BOUND_MS;
    await until(() => (performance.now() > end ? true : undefined));
    expect(term.signal.aborted).toBe(false);
    await term.save('reached');
    const progress = `metadata-bff:{job-${names}}:progress`;
    await until(async () => ((await own.command('GET', progress)) === 'reached' ? true : undefined));
  });

  test('can be left before it has been held', async () => {
    const own = await startRedis();
    afterwards(() => own.stop());
    const candidate = await stand(own);
    await own.kill();
    await candidate.stop();
    expect(candidate.term()).toBeUndefined();
  });
});
