/**
 * Leader election: one replica at a time does a job. It takes a lock in Redis, renews it, and releases it when it
 * stops. The progress of the job is stored beside the lock for the next leader. A replica that lost the lock can no
 * longer change it (fencing).
 *
 * A clean stop hands over at once. A leader that dies, or loses Redis, is replaced after the bound. One that loses
 * Redis stops by itself within the same bound. While Redis is down there is no leader.
 */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from './connection.ts';
import { ACQUIRE_LOCK, parseLockReply, RELEASE_LOCK, RENEW_LOCK } from './lock.ts';

/** The time during which one replica leads. */
export interface Leadership {
  /** Aborts when the leadership ends. The job must end then. */
  readonly signal: AbortSignal;
  /** The progress that the last leader saved. */
  load(): Promise<string | undefined>;
  /** Saves progress for the next leader. Does not wait: when a leader dies, the latest may be lost. */
  save(progress: string): Promise<void>;
}

export interface LeaderElection {
  /** Competes for the leadership from now on, and runs `job` each time it is won. */
  start(job: (term: Leadership) => Promise<void>): void;
  /** Ends the leadership, if any, hands over, and resolves. */
  stop(): Promise<void>;
}

interface Dependencies {
  readonly redis: RedisConnection;
  readonly random: () => number;
}

export interface LeaderElectionOptions {
  readonly name: string;
  /** The bound: without a renewal, a leadership ends after this time. */
  readonly boundMs: number;
}

const WAIT_JITTER_MS = 50;
/** Far longer than a fleet is without a leader; the tenant forgets what happened before that sooner. */
const PROGRESS_MS = String(30 * 24 * 60 * 60 * 1000);

export function createLeaderElection(
  { redis, random }: Dependencies,
  { name, boundMs }: LeaderElectionOptions,
): LeaderElection {
  // The braces keep both on one node of a cluster.
  const keys = [`metadata-bff:{${name}}:lock`, `metadata-bff:{${name}}:progress`];
  const releaseChannel = `metadata-bff:${name}:vacant`;
  const stopping = new AbortController();
  const wakeup = createWakeup();
  let loop: Promise<void> | undefined;

  redis.subscribe(releaseChannel, () => wakeup.wake());
  redis.addProbe(async ({ run: probe }, group) => {
    const probeKeys = [
      `metadata-bff:{${group}}:election-probe`,
      `metadata-bff:{${group}}:election-probe:progress`,
    ];
    const token = randomUUID();
    await probe(ACQUIRE_LOCK, probeKeys, [token, String(boundMs)]);
    await probe(RENEW_LOCK, probeKeys, [token, String(boundMs), '', PROGRESS_MS]);
    await probe(RELEASE_LOCK, probeKeys, [token, '', PROGRESS_MS, `${releaseChannel}:probe`]);
  });

  async function run(job: (term: Leadership) => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      const token = randomUUID();
      const askedAt = performance.now();
      const reply = await redis.run(ACQUIRE_LOCK, keys, [token, String(boundMs)]).catch(() => undefined);
      const answer = parseLockReply(reply);
      if (answer.granted) await lead(job, token, answer.value, askedAt);
      else await wakeup.wait((answer.afterMs ?? boundMs / 3) + random() * WAIT_JITTER_MS);
    }
  }

  async function lead(
    job: (term: Leadership) => Promise<void>,
    token: string,
    inherited: string | undefined,
    electedAt: number,
  ): Promise<void> {
    const over = new AbortController();
    const end = () => over.abort();
    let progress = '';
    let writing = false;
    // Counted from the moment of asking, so that this leadership ends before Redis grants another one.
    let expiry = setTimeout(end, electedAt + boundMs - performance.now());
    const renewal = setInterval(() => void renew(), boundMs / 3);
    stopping.signal.addEventListener('abort', end);
    if (stopping.signal.aborted) end();

    async function renew(): Promise<void> {
      const askedAt = performance.now();
      const args = [token, String(boundMs), progress, PROGRESS_MS];
      const renewed = await redis.run(RENEW_LOCK, keys, args).catch(() => undefined);
      if (renewed === 0) end();
      if (renewed !== 1 || over.signal.aborted) return;
      clearTimeout(expiry);
      expiry = setTimeout(end, askedAt + boundMs - performance.now());
    }

    /** Writes one after another, however fast progress is saved. The last write has the latest progress. */
    async function write(): Promise<void> {
      if (writing) return;
      writing = true;
      for (let written = ''; written !== progress && !over.signal.aborted; ) {
        written = progress;
        await renew();
      }
      writing = false;
    }

    try {
      await job({
        signal: over.signal,
        load: async () => inherited,
        async save(value) {
          progress = value;
          void write();
        },
      });
    } finally {
      stopping.signal.removeEventListener('abort', end);
      clearInterval(renewal);
      end();
      clearTimeout(expiry);
      const args = [token, progress, PROGRESS_MS, releaseChannel];
      await redis.run(RELEASE_LOCK, keys, args).catch(() => undefined);
    }
  }

  return {
    start(job) {
      loop ??= run(job);
    },
    async stop() {
      stopping.abort();
      wakeup.wake();
      await loop;
    },
  };
}

/** A wait that `wake` ends early, also when it was called just before. */
function createWakeup() {
  let woken = false;
  let wake: (() => void) | undefined;
  return {
    wake() {
      woken = true;
      wake?.();
    },
    async wait(ms: number): Promise<void> {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      woken = false;
    },
  };
}
