/**
 * Limits on what a client can make a listener keep or wait for. Operators cannot change them. `docs/operations.md` says
 * what is answered at each.
 */
export interface ServerLimits {
  /** Request line and headers together. */
  readonly maxHeaderBytes: number;
  /** From the first byte, or from the connection where none comes, to the last header. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the last of the body. */
  readonly requestTimeoutMs: number;
  /** Without a request under way. */
  readonly keepAliveTimeoutMs: number;
  /** Without a byte in either direction while a request is under way. */
  readonly stalledTimeoutMs: number;
  /** For the client to read an answer that is complete on our side. */
  readonly answerTimeoutMs: number;
  readonly maxConnections: number;
  /** Requests that wait on one connection behind the one that is being answered. */
  readonly maxPipelined: number;
  /** For the client to read an error before its connection is destroyed. */
  readonly lingerMs: number;
  /** How often the timeouts are checked, which is how late they can be. */
  readonly checkIntervalMs: number;
}

export const SERVER_LIMITS: ServerLimits = {
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  // Longer than the idle time of common load balancers (60 s), so that they never reuse a closed one.
  keepAliveTimeoutMs: 65_000,
  // Longer than any answer may take; streams send something every 15 s.
  stalledTimeoutMs: 180_000,
  // The largest answer, at the speed of a bad mobile connection.
  answerTimeoutMs: 120_000,
  // Twice as many as there may be streams; an idle one costs some ten kilobytes.
  maxConnections: 10_000,
  // Few clients pipeline, and none needs to.
  maxPipelined: 16,
  lingerMs: 1_000,
  checkIntervalMs: 5_000,
};

/** Far more than browsers and proxies send together. */
export const MAX_HEADERS = 100;
