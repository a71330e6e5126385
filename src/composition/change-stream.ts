/**
 * The part of the composition that is about changes made elsewhere: the consumer of the tenant's change stream,
 * of which a fleet has exactly one, and what callers are told of their own metadata.
 */
import type { Config } from '../../config/load.ts';
import { createChangeStream } from '../auth0/change-stream.ts';
import type { TokenProvider } from '../auth0/token-provider.ts';
import type { SharedStores } from './shared-stores.ts';
import { createOpenStreams } from '../http/event-stream.ts';
import type { Streaming } from '../http/routes/events.ts';
import type { TrustedIssuers } from '../identity/signing-keys.ts';
import { sleep } from '../lib/promises.ts';
import { type Clock, setTimer } from '../lib/clock.ts';
import { createEventClient } from '../lib/event-client.ts';
import type { MetadataCache } from '../metadata/ports.ts';
import type { MetadataService } from '../metadata/service.ts';
import { createMetadataWatch } from '../metadata/watch.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ReadinessCheck } from '../observability/readiness.ts';
import { createLeaderElection, type Leadership } from '../redis/leader-election.ts';
import { CHANGE_STREAM, EVENT_STREAMS, WATCH } from './constants.ts';

interface Dependencies {
  readonly config: Config;
  readonly stores: SharedStores;
  readonly tokens: TokenProvider;
  readonly cache: MetadataCache;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface ChangeStreamConsumer {
  readonly checks: readonly ReadinessCheck[];
  start(): void;
  /** Hands over to another replica, if there is one. */
  stop(): Promise<void>;
}

const NO_CONSUMER: ChangeStreamConsumer = { checks: [], start: () => undefined, stop: async () => undefined };

/**
 * @returns a change stream that does nothing unless `AUTH0_EVENTS` is on. With Redis one process of the fleet consumes,
 * and the place it has reached is kept there; without, this one does, and starts anew when it is restarted.
 */
export function composeChangeStream({
  config,
  stores,
  tokens,
  cache,
  clock,
  logger,
  metrics,
}: Dependencies): ChangeStreamConsumer {
  if (!config.auth0Events) return NO_CONSUMER;
  const changeStream = createChangeStream(
    {
      events: createEventClient({
        ...CHANGE_STREAM,
        timeoutMs: config.upstreamTimeoutMs,
        proxyUrl: config.upstreamProxyUrl,
      }),
      tokens,
      evict: ({ userId, updatedAt }) =>
        // Our own changes come back as events too.
        cache.invalidateUnless(userId, (held) => isNotOlder(held.updatedAt, updatedAt)),
      observe: metrics.health.registerChangeStream(() => changeStream.health.getLagSeconds()),
      onTrouble: (trouble, error) => logger.log(`change_stream_${trouble}`, { error }),
      clock,
      sleep: (ms, signal) =>
        sleep(ms, signal).then(
          () => undefined,
          () => undefined,
        ),
      random: Math.random,
    },
    { ...CHANGE_STREAM, baseUrl: `${config.tenantUrl}/api/v2` },
  );
  const { redis, users } = stores;
  // One for those who understand each other's announcements: others may use the same Redis for another tenant.
  const name = `change-stream:${users.toKey(config.tenantUrl)}`;
  const election = redis
    ? createLeaderElection({ redis, random: Math.random }, { name, boundMs: CHANGE_STREAM.boundMs })
    : createLocalLeader();
  return {
    checks: [{ name: 'change_stream', critical: false, passing: () => changeStream.health.isHealthy() }],
    start: () =>
      election.start(async (term) => {
        logger.log('change_stream_started');
        await changeStream.consume(term, term.signal);
        logger.log('change_stream_stopped');
      }),
    stop: () => election.stop(),
  };
}

/** Time stamps of the tenant, both for one user. */
function isNotOlder(held: string | undefined, told: string | undefined): boolean {
  return held !== undefined && told !== undefined && Date.parse(held) >= Date.parse(told);
}

/** The election of a process that is alone: won at once, and kept until it stops. */
function createLocalLeader() {
  const over = new AbortController();
  let offset: string | undefined;
  let job: Promise<void> | undefined;
  const term: Leadership = {
    signal: over.signal,
    load: async () => offset,
    save: async (reached) => {
      offset = reached;
    },
  };
  return {
    start(lead: (term: Leadership) => Promise<void>): void {
      job ??= lead(term);
    },
    async stop(): Promise<void> {
      over.abort();
      await job;
    },
  };
}

/** What the streams of callers are made of. */
export function composeStreaming(
  cache: MetadataCache,
  service: MetadataService,
  clock: Clock,
  issuers: TrustedIssuers,
): Streaming {
  const { random } = Math;
  return {
    watch: createMetadataWatch({ cache, service, setTimer, random }, WATCH),
    streams: createOpenStreams(EVENT_STREAMS),
    clock,
    setTimer,
    random,
    watchRevoked: (caller, end) => issuers.watchRevoked(caller, end),
  };
}
