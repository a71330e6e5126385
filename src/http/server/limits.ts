/**
 * What a client can make a listener hold, or wait for. Each bound has a reason, and none is an operator's to
 * change; `docs/operations.md` states what is answered at each.
 */
export interface ListenerBounds {
  /** Request line and header fields together. */
  readonly headerBytesMax: number;
  /** From the first byte, or from the connection where none comes, to the last header field. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the last of the body. */
  readonly requestTimeoutMs: number;
  /** Without a request under way. */
  readonly keepAliveTimeoutMs: number;
  /** Without a byte in either direction while a request is under way. */
  readonly stalledTimeoutMs: number;
  /** For the client to take an answer that is complete on our side, however slowly it reads. */
  readonly answerTimeoutMs: number;
  readonly connectionsMax: number;
  /** Requests that wait on one connection behind the one that is being answered. */
  readonly pipelinedMax: number;
  /** For the client to take a refusal before its connection is cut. */
  readonly lingerMs: number;
  /** How often the timeouts are looked at: how late they can be. */
  readonly checkIntervalMs: number;
}

export const LISTENER_BOUNDS: ListenerBounds = {
  headerBytesMax: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  // Longer than the idle time of common load balancers (60 s), so that they never reuse a closed one.
  keepAliveTimeoutMs: 65_000,
  // Longer than any answer may take; streams send something every 15 s.
  stalledTimeoutMs: 180_000,
  // The largest answer, at the speed of a bad mobile connection.
  answerTimeoutMs: 120_000,
  // Twice as many as there may be streams; an idle one costs some ten kilobytes.
  connectionsMax: 10_000,
  // Hardly any client sends ahead, and none needs to.
  pipelinedMax: 16,
  lingerMs: 1_000,
  checkIntervalMs: 5_000,
};

/** Far more than browsers and proxies send together; each is looked at by several parts of the service. */
export const HEADER_FIELDS_MAX = 100;
