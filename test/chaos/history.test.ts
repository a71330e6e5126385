/**
 * A checker: replicas write one user at the same time while something fails, and the history of all writes is compared
 * with what the tenant holds in the end. No accepted write is lost, and no refused one is applied, whatever fails.
 *
 * `CHAOS_SEED` repeats a run, `CHAOS_SECONDS` makes it longer.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createRandom } from '../support/random.ts';
import { describeWithRedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { FAULT_NAMES, type FaultName, type FaultyFleet, openFaultyFleet } from './faults.ts';
import { startWriters } from './histories.ts';

const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 110);
const REPLICAS = 3;
/** A replica whose last request to the tenant failed says `degraded` for a minute, unless another request succeeds. */
const PATIENCE_MS = 120_000;

describeWithRedisServer(`writes under faults (CHAOS_SEED=${SEED})`, () => {
  const source = createRandom(SEED);
  const random = () => source.next();
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new Error('there is nothing to pick');
    return item;
  };
  let faulty: FaultyFleet;

  beforeAll(async () => {
    faulty = await openFaultyFleet(REPLICAS);
  }, 120_000);
  afterAll(() => faulty.stop());

  async function round(name: FaultName) {
    const writers = await startWriters(
      faulty.fleet,
      faulty.places.map(({ replica }) => replica),
    );
    await delay(random() * 400);
    await faulty.inject(name, pick(faulty.places));
    await delay(300 + random() * 700);
    const { summary, lost, odd } = await writers.stop();
    process.stderr.write(`${name}: ${summary}\n`);
    return { name, lost, odd };
  }

  async function heal(): Promise<void> {
    await faulty.mend();
    await until(async () => {
      const health = await Promise.all(faulty.places.map(({ replica }) => replica.health()));
      return health.every(({ status }) => status === 'ready') || undefined;
    }, Date.now() + PATIENCE_MS);
  }

  test(
    'no accepted write is lost, and no refused one is applied',
    async () => {
      const endsAt = performance.now() + SECONDS * 1000;
      const failed: unknown[] = [];
      for (let rounds = 0; performance.now() < endsAt || rounds < FAULT_NAMES.length; rounds += 1) {
        // Each fault once, then whichever comes.
        const name = FAULT_NAMES[rounds] ?? pick(FAULT_NAMES);
        const { lost, odd } = await round(name);
        if (lost.length + odd.length > 0) failed.push({ seed: SEED, name, lost, odd });
        await heal();
      }
      expect(failed).toEqual([]);
      const unlocked = faulty.places.flatMap(({ replica }) =>
        replica.lines.filter((line) => line.includes('writes_without_lock')),
      );
      expect(unlocked).toEqual([]);
    },
    SECONDS * 1000 + 300_000,
  );
});
