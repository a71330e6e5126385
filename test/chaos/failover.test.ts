/** The primary of Redis is lost under concurrent writers: no accepted write is, and the fleet finds the next primary. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { type Fleet, openFleet } from '../redis/fleet.ts';
import { redisAvailable } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { startWriters } from './histories.ts';
import { startCluster, startSentinels, type Topology } from './topologies.ts';

/** Sentinels need about two seconds to agree, nodes of a cluster two to five, and locks are paused for four more. */
const FAILOVER_MS = 25_000;

const openOn = ({ url }: Topology): Promise<Fleet> =>
  openFleet({ redisUrls: [url, url], tenant: { latencyMs: 40 }, env: { UPSTREAM_TIMEOUT_MS: '3000' } });

/** Writes before, during and after `lose`, until writes are accepted again. */
async function writeThrough(fleet: Fleet, lose: () => Promise<void>) {
  const writers = await startWriters(fleet, fleet.replicas);
  await delay(1_000);
  await lose();
  await delay(3_000);
  await Promise.all(
    fleet.replicas.map((replica) =>
      until(
        async () => ((await replica.health()).status === 'ready' ? true : undefined),
        Date.now() + FAILOVER_MS,
      ),
    ),
  );
  await delay(1_000);
  const verdict = await writers.stop();
  process.stderr.write(`${verdict.summary}\n`);
  const person = await fleet.person({ theme: 'dark' });
  const written = await Promise.all(
    fleet.replicas.map((replica) => fleet.ask(replica, person, { patch: { [replica.url.slice(-5)]: 1 } })),
  );
  return { ...verdict, statuses: written.map(({ status }) => status) };
}

describe('a failover under concurrent writers', () => {
  test('a server is there to fail', () => {
    expect(redisAvailable()).toBe(true);
  });

  test('the primary that Sentinels name is killed', async () => {
    const topology = await startSentinels();
    const fleet = await openOn(topology);
    try {
      const outcome = await writeThrough(fleet, async () => topology.primaries[0]?.kill());
      expect(outcome).toMatchObject({ lost: [], odd: [], statuses: [200, 200] });
    } finally {
      await fleet.stop();
      await topology.stop();
    }
  }, 120_000);

  test('the primary that Sentinels name freezes, and comes back as a replica', async () => {
    const topology = await startSentinels();
    const fleet = await openOn(topology);
    const [primary] = topology.primaries;
    try {
      const outcome = await writeThrough(fleet, async () => {
        primary?.freeze();
        await delay(4_000);
        primary?.thaw();
      });
      expect(outcome).toMatchObject({ lost: [], odd: [], statuses: [200, 200] });
    } finally {
      primary?.thaw();
      await fleet.stop();
      await topology.stop();
    }
  }, 120_000);

  test('a primary of a cluster is killed, and its replica takes over', async () => {
    const topology = await startCluster({ withReplicas: true });
    const fleet = await openOn(topology);
    try {
      const outcome = await writeThrough(fleet, async () => topology.primaries[0]?.kill());
      expect(outcome).toMatchObject({ lost: [], odd: [], statuses: [200, 200] });
    } finally {
      await fleet.stop();
      await topology.stop();
    }
  }, 120_000);
});
