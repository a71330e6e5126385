/** Numbers that have a reason, but that no operator should need to change. */

/** Enough for a document of the largest size in a wasteful notation, and far from a memory problem. */
export const MIN_BODY_BYTES = 102_400;
export const MAX_PROFILES = 100_000;
export const MAX_CLIENTS = 1_000;
const MINUTE_MS = 60_000;
export const KEYS = {
  // Auth0 advises five to ten minutes.
  refreshAfterMs: 10 * MINUTE_MS,
  // Long enough for an outage of the issuer, short enough to bound trust in a key it may have retired.
  maxStaleMs: 4 * 60 * MINUTE_MS,
  retryAfterMs: 2_000,
  unknownKeyBurst: 5,
  unknownKeyRefillMs: 10_000,
};
export const UPSTREAM = { maxResponseBytes: 1_048_576, maxRequestBytes: 1_048_576, maxConnections: 64 };
export const REFRESH_INTERVAL_MS = 10_000;
export const AUDIT = {
  // An app in a loop is seen at once, and every minute from then on.
  repeatWindowMs: MINUTE_MS,
  // About a kilobyte each.
  maxRepeats: 2_000,
};
export const AUDIT_FILE = {
  // Some minutes of a busy day, at most a few megabytes.
  maxLines: 10_000,
  retryMs: 1_000,
};
export const STOP = { settleMs: 250, graceMs: 10_000 };

/** Longer than nearly every read of the tenant; one that takes longer does not fill the shared cache. */
export const LEASE_MS = 3_000;
export const REDIS = { probeIntervalMs: 500 };
export const EVICTION = {
  // Of a setting that seldom changes: after a change, health is late by so much.
  lookMs: 5_000,
};
export const WRITE_LOCK = {
  // What the death of a writer costs the others. A holder renews it three times in that time.
  lockMs: 4_000,
};

export const CHANGE_STREAM = {
  // How long a fleet can be without a consumer after its death.
  boundMs: 3_000,
  // Several heartbeats of the tenant; a stream that is closed too early is only opened again.
  idleMs: 45_000,
  maxCharacters: 1_048_576,
  backoffMs: 250,
  // What a fleet may be late with changes after an outage.
  maxBackoffMs: 5_000,
  // Each attempt costs a token, of which a tenant issues a limited number.
  refusedRetryMs: 5 * MINUTE_MS,
  reconnectMs: 250,
  minHealthyMs: 5_000,
};
export const EVENT_STREAMS = {
  // Tabs and devices of one person; browsers themselves allow six connections a page over HTTP/1.1.
  maxPerUser: 5,
  maxTotal: 5_000,
  // Below the idle time of common proxies (60 s), so that some may be lost.
  heartbeatMs: 15_000,
  maxUnreadBytes: 65_536,
  reconnectMs: 2_000,
};
export const WATCH = {
  // A write is announced before and after the tenant is asked: mostly both within this time, for one read.
  coalesceMs: 250,
  spreadMs: 3_000,
  retryMs: 1_000,
  maxRetryMs: 30_000,
};

export const LIMITS = {
  windowSeconds: 60,
  // In each process, for each limit: far more users than one process serves in a minute.
  maxKeys: 100_000,
  maxAddresses: 10_000,
};

/** For proofs the caller's clock counts. Those of devices are seldom half a minute wrong, and a proof is made for one
 * request: one minute to arrive in, and the error of the clock on both sides. */
const CLOCK_SKEW_SECONDS = 30;
export const PROOFS = {
  proofAgeSeconds: 60 + CLOCK_SKEW_SECONDS,
  proofLeadSeconds: CLOCK_SKEW_SECONDS,
};
export const PROOF_MEMORY = {
  // As long as one that was made ahead of time is accepted, by a replica whose clock is behind, too.
  rememberMs: (PROOFS.proofAgeSeconds + PROOFS.proofLeadSeconds + CLOCK_SKEW_SECONDS) * 1000,
  // More than one process can verify in that time; about 70 MB when full.
  maxProofs: 500_000,
  // 33 a second for all that time, more than a person's devices have use for.
  maxProofsPerUser: 5_000,
};

// As many as there are profiles; about 40 MB when full.
export const VERIFIED_TOKENS = { maxTokens: MAX_PROFILES };
