/**
 * One process of the fleet at a time does a job: it holds a lock in Redis, renews it, and gives it up when it
 * stops. What the job has come to is kept beside the lock and handed from term to term; whoever lost the lock
 * can no longer change it (fencing).
 *
 * A clean stop hands over at once. A leader that dies, or is cut off from Redis, is succeeded after the bound;
 * cut off, it stops by itself within the same bound. While Redis is down nobody leads.
 */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from './connection.ts';
import { type RedisReply, smallRedisScript } from './script.ts';

/** One process's time of leading. */
export interface Term {
  /** Aborts when the term is over; the job must end then. */
  readonly signal: AbortSignal;
  /** What the last term, of whichever process, has left. */
  load(): Promise<string | undefined>;
  /** Leaves it to the next term. Does not wait: of a leader that dies, the latest may be lost. */
  save(progress: string): Promise<void>;
}

export interface Elector {
  /** Runs for office from now on, and does `job` whenever elected. */
  start(job: (term: Term) => Promise<void>): void;
  /** Ends the term under way, if any, hands over, and resolves. */
  stop(): Promise<void>;
}

interface Dependencies {
  readonly redis: RedisConnection;
  readonly random: () => number;
}

export interface ElectorOptions {
  readonly name: string;
  /** The bound: without a renewal a term ends after this time. */
  readonly boundMs: number;
}

/** KEYS lock, progress. ARGV token, bound in ms. Answers 1 and the progress, or 0 and the time left. */
const ACQUIRE = smallRedisScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then
  return {1, redis.call('GET', KEYS[2]) or ''}
end
return {0, redis.call('PTTL', KEYS[1])}`);

/**
 * KEYS lock, progress. ARGV token, bound in ms, progress or nothing, lifetime of the progress in ms.
 */
const RENEW = smallRedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
return 1`);

/** KEYS lock, progress. ARGV token, channel, progress or nothing, lifetime of the progress in ms. */
const RELEASE = smallRedisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
redis.call('DEL', KEYS[1])
return redis.call('PUBLISH', ARGV[2], 'free')`);

const WAIT_JITTER_MS = 50;
/** Far longer than a fleet is without a leader; the tenant forgets what happened before that sooner. */
const PROGRESS_MS = String(30 * 24 * 60 * 60 * 1000);

export function createElector({ redis, random }: Dependencies, { name, boundMs }: ElectorOptions): Elector {
  // The braces keep both on one node of a cluster.
  const keys = [`metadata-bff:{${name}}:lock`, `metadata-bff:{${name}}:progress`];
  const vacancies = `metadata-bff:${name}:vacant`;
  const stopping = new AbortController();
  const bell = createBell();
  let campaign: Promise<void> | undefined;

  redis.subscribe(vacancies, () => bell.ring());
  redis.addProbe(async ({ run: probe }, group) => {
    const probeKeys = [
      `metadata-bff:{${group}}:election-probe`,
      `metadata-bff:{${group}}:election-probe:progress`,
    ];
    const token = randomUUID();
    await probe(ACQUIRE, probeKeys, [token, String(boundMs)]);
    await probe(RENEW, probeKeys, [token, String(boundMs), '', PROGRESS_MS]);
    await probe(RELEASE, probeKeys, [token, `${vacancies}:probe`, '', PROGRESS_MS]);
  });

  async function run(job: (term: Term) => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      const token = randomUUID();
      const askedAt = performance.now();
      const reply = await redis.run(ACQUIRE, keys, [token, String(boundMs)]).catch(() => undefined);
      const verdict = verdictOf(reply);
      if (verdict.elected) await serve(job, token, verdict.progress, askedAt);
      else await bell.wait((verdict.waitMs ?? boundMs / 3) + random() * WAIT_JITTER_MS);
    }
  }

  async function serve(
    job: (term: Term) => Promise<void>,
    token: string,
    inherited: string | undefined,
    electedAt: number,
  ): Promise<void> {
    const over = new AbortController();
    const end = () => over.abort();
    let progress = '';
    let writing = false;
    // Counted from the moment of asking, so that this term is over before Redis lets another begin.
    let expiry = setTimeout(end, electedAt + boundMs - performance.now());
    const renewal = setInterval(() => void renew(), boundMs / 3);
    stopping.signal.addEventListener('abort', end);
    if (stopping.signal.aborted) end();

    async function renew(): Promise<void> {
      const askedAt = performance.now();
      const args = [token, String(boundMs), progress, PROGRESS_MS];
      const renewed = await redis.run(RENEW, keys, args).catch(() => undefined);
      if (renewed === 0) end();
      if (renewed !== 1 || over.signal.aborted) return;
      clearTimeout(expiry);
      expiry = setTimeout(end, askedAt + boundMs - performance.now());
    }

    /** However fast progress is saved, one write is under way at a time, and the last one is the latest. */
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
      await redis.run(RELEASE, keys, [token, vacancies, progress, PROGRESS_MS]).catch(() => undefined);
    }
  }

  return {
    start(job) {
      campaign ??= run(job);
    },
    async stop() {
      stopping.abort();
      bell.ring();
      await campaign;
    },
  };
}

type Verdict =
  | { readonly elected: true; readonly progress: string | undefined }
  | { readonly elected: false; readonly waitMs: number | undefined };

function verdictOf(reply: RedisReply | undefined): Verdict {
  const [granted, detail] = Array.isArray(reply) ? reply : [];
  if (granted === 1) {
    return { elected: true, progress: typeof detail === 'string' && detail !== '' ? detail : undefined };
  }
  return { elected: false, waitMs: typeof detail === 'number' && detail >= 0 ? detail : undefined };
}

/** A wait that ends early when the bell rings, also if it rang just before. */
function createBell() {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async wait(ms: number): Promise<void> {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
    },
  };
}
