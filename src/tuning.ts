/** Numbers that have a reason, but that no operator should need to change. */

/** Room for a document of the largest size in a wasteful notation, and nothing near a memory problem. */
export const BODY_BYTES_MIN = 102_400;
export const PROFILES_MAX = 100_000;
export const CLIENTS_MAX = 1_000;
const MINUTE_MS = 60_000;
export const KEYS = {
  // Auth0 advises five to ten minutes.
  refreshAfterMs: 10 * MINUTE_MS,
  // Long enough for an outage of the issuer, short enough to bound trust in a key it may have retired.
  usableForMs: 4 * 60 * MINUTE_MS,
  retryAfterMs: 2_000,
  unknownKeyBurst: 5,
  unknownKeyRefillMs: 10_000,
};
export const UPSTREAM = { responseBytesMax: 1_048_576, requestBytesMax: 1_048_576, connectionsMax: 64 };
export const UPKEEP_INTERVAL_MS = 10_000;
export const STOP = { settleMs: 250, graceMs: 10_000 };

/** Longer than nearly every read of the tenant; one that takes longer does not fill the shared cache. */
export const LEASE_MS = 3_000;
export const REDIS = {
  // Redis answers in well under a millisecond; who waits longer for a cache is better off without it.
  commandTimeoutMs: 100,
  probeIntervalMs: 500,
};
export const WRITE_LOCK = {
  // What the death of a writer costs the others.
  lockMs: 4_000,
  waitMs: 6_000,
};
