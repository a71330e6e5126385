/**
 * Each fault of Redis, tried again and again under concurrent writers of one user on two replicas: no write that was
 * accepted is lost. A table of what was counted follows each fault.
 *
 * `REDIS_TRIALS` says how many trials there are of each fault; `CHAOS_SEED` repeats the moments at which they begin.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createRandom } from '../support/random.ts';
import { describeWithRedisServer } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { type FaultName, type FaultyFleet, openFaultyFleet, type Place } from './faults.ts';
import { startWriters, type Writers } from './histories.ts';

const TRIALS = Number(process.env['REDIS_TRIALS'] ?? 2);
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const REPLICAS = 2;
const PATIENCE_MS = 60_000;
/** Far more than one trial takes. */
const TRIAL_MS_MAX = 120_000;
/** So many writes are accepted before each fault, and again after it. */
const MORE_ACCEPTED = 4;
/** The longest time from the first writes to the fault: longer than one write takes. */
const LEAD_MS_MAX = 150;

const FAULTS = [
  'Redis stalls for 220 ms',
  'Redis stalls for one replica for 220 ms',
  'Redis stalls for 1 s',
  'Redis stalls for one replica for 1 s',
  'Redis is 70 ms away',
  'Redis is 200 ms away',
  'a replica is frozen for 3.5 s',
  'connections are killed',
  'Redis restarts with no data',
  'Redis restarts with old data, and loads it for 1.5 s',
  'Redis is full',
] as const satisfies readonly FaultName[];

interface Counts {
  accepted: number;
  refused: number;
  unknown: number;
  lost: number;
  /** Writes that went without the lock, because Redis was silent for too long. */
  unlocked: number;
}

/** Resolves when so many more writes than at the call have been accepted. */
async function untilMoreAccepted(writers: Writers, more: number): Promise<void> {
  const wanted = writers.accepted() + more;
  await until(() => writers.accepted() >= wanted || undefined, Date.now() + PATIENCE_MS);
}

describeWithRedisServer(`trials of each fault (CHAOS_SEED=${SEED})`, () => {
  const random = createRandom(SEED);
  let faulty: FaultyFleet;

  beforeAll(async () => {
    faulty = await openFaultyFleet(REPLICAS);
  }, 120_000);
  afterAll(() => faulty.stop());

  async function countUnlocked(): Promise<number> {
    const texts = await Promise.all(
      faulty.places.map(async ({ replica }) => (await fetch(`${replica.opsUrl}/metrics`)).text()),
    );
    return texts.reduce(
      (sum, text) => sum + Number(/^metadata_bff_unlocked_writes_total (\d+)/m.exec(text)?.[1] ?? 0),
      0,
    );
  }

  async function runTrial(fault: FaultName, place: Place) {
    const writers = await startWriters(
      faulty.fleet,
      faulty.places.map(({ replica }) => replica),
    );
    await untilMoreAccepted(writers, MORE_ACCEPTED);
    await delay(random.next() * LEAD_MS_MAX);
    await faulty.inject(fault, place);
    await untilMoreAccepted(writers, MORE_ACCEPTED);
    const verdict = await writers.stop();
    await faulty.mend();
    await until(async () => {
      const health = await Promise.all(faulty.places.map(({ replica }) => replica.health()));
      return health.every(({ redis }) => redis === 'ok') || undefined;
    }, Date.now() + PATIENCE_MS);
    return verdict;
  }

  test.each(FAULTS)(
    'no accepted write is lost when %s',
    async (fault) => {
      const counts: Counts = {
        accepted: 0,
        refused: 0,
        unknown: 0,
        lost: 0,
        unlocked: -(await countUnlocked()),
      };
      const wrong: string[] = [];
      for (let trial = 0; trial < TRIALS; trial += 1) {
        const place = faulty.places[trial % REPLICAS];
        if (!place) throw new Error('there is no replica');
        const { accepted, refused, unknown, lost, odd } = await runTrial(fault, place);
        counts.accepted += accepted;
        counts.refused += refused;
        counts.unknown += unknown;
        counts.lost += lost.length;
        wrong.push(...lost, ...odd);
      }
      counts.unlocked += await countUnlocked();
      const cells = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
      process.stderr.write(`${fault}: ${TRIALS} trials: ${cells.join(', ')}\n`);
      expect(wrong).toEqual([]);
    },
    TRIALS * TRIAL_MS_MAX,
  );
});
