/**
 * Makes requests to the Management API: waits for the request budget, adds the token, sends through the circuit
 * breaker, and retries only where that is safe and the deadline allows it.
 */
import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  handleType,
  SamplingBreaker,
} from 'cockatiel';
import { AppError, SafeError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import { type HttpClient, HttpFailure, type HttpRequest, type HttpResponse } from '../lib/http-client.ts';
import type { Sleep } from '../lib/promises.ts';
import type { CallOptions } from '../metadata/ports.ts';
import type { RequestScheduler, OperationName } from './request-scheduler.ts';
import { type Operation, readRetryAfterSeconds, toStatusError, toTransportError } from './errors.ts';
import type { BreakerState, TenantObserver } from './tenant.ts';
import type { ManagementToken, TokenProvider } from './token-provider.ts';

export interface ManagementOperation extends Operation {
  readonly name: OperationName;
}

export interface Upstream {
  /**
   * @returns an answer that the operation must judge: a success, or a refusal of this request.
   * @throws AppError with an `upstream_*` code for everything else.
   */
  call(request: HttpRequest, operation: ManagementOperation, options: CallOptions): Promise<HttpResponse>;
  /** False for a minute after a request that failed or got a server error, unless a later one succeeded. */
  isReachable(): boolean;
}

interface Dependencies {
  readonly http: HttpClient;
  readonly tokens: TokenProvider;
  readonly scheduler: RequestScheduler;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: () => number;
  /** Called for each change of the circuit breaker. */
  readonly observer?: Pick<TenantObserver, 'setCircuitState'>;
}

export interface UpstreamOptions {
  /** For one answer. */
  readonly timeoutMs: number;
  /** For the whole call, the wait for the budget included. */
  readonly deadlineMs: number;
}

interface SendOptions {
  readonly beforeSending: CallOptions['beforeSending'];
  readonly deadlineAt: number;
}

const BREAKER_STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

const MAX_ATTEMPTS = 3;
/** How long the circuit stays open before one request tries again. */
const OPEN_MS = 2_000;
/** After this time the last failure says nothing about the present. */
const UNREACHABLE_MS = 60_000;
const BACKOFF_MS = 80;

/** Opens when half of at least 20 requests within ten seconds failed; tries one again after two seconds. */
function createBreaker(): CircuitBreakerPolicy {
  const policy = handleType(HttpFailure).orWhenResult(isServerError);
  const breaker = new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 });
  return circuitBreaker(policy, { halfOpenAfter: OPEN_MS, breaker });
}

function isServerError(result: unknown): boolean {
  return typeof result === 'object' && result !== null && Number(Reflect.get(result, 'status')) >= 500;
}

export function createUpstream(
  { http, tokens, scheduler, clock, sleep, random, observer }: Dependencies,
  { timeoutMs, deadlineMs }: UpstreamOptions,
): Upstream {
  const breaker = createBreaker();
  let openedAt: number | undefined;
  let failedAt: number | undefined;
  breaker.onStateChange((state) => {
    openedAt = state === CircuitState.Open ? clock.now() : undefined;
    observer?.setCircuitState(BREAKER_STATES[state]);
  });

  /** A request that the open circuit would refuse must neither wait for the budget nor spend it. */
  function throwIfOpen(): void {
    const leftMs = openedAt === undefined ? 0 : openedAt + OPEN_MS - clock.now();
    if (leftMs > 0) throw createCircuitOpenError(leftMs);
  }

  function send(request: HttpRequest, token: ManagementToken, options: SendOptions): Promise<HttpResponse> {
    const headers = { ...request.headers, authorization: `Bearer ${token.value}` };
    return breaker.execute(async () => {
      await options.beforeSending?.();
      const leftMs = options.deadlineAt - clock.now();
      return http.send({
        ...request,
        headers,
        timeoutMs: Math.max(1, Math.min(timeoutMs, leftMs)),
        ...(options.beforeSending && { beforeRepeating: options.beforeSending }),
      });
    });
  }

  /** Makes one attempt. @returns the response, or the error, with a pause if the request may be retried. */
  async function attempt(
    request: HttpRequest,
    operation: ManagementOperation,
    token: ManagementToken,
    options: SendOptions,
  ): Promise<{ readonly response: HttpResponse } | { readonly error: unknown; readonly pauseMs?: number }> {
    const backoffMs = BACKOFF_MS * (0.5 + random());
    try {
      const response = await send(request, token, options);
      failedAt = isServerError(response) ? clock.now() : undefined;
      scheduler.updateFromHeaders(operation.name, response);
      if (response.status === 429) {
        const error = toStatusError(response, operation, clock.now());
        return { error, pauseMs: readRetryAfterSeconds(response, clock.now()) * 1000 + backoffMs };
      }
      return { response };
    } catch (thrown) {
      if (thrown instanceof BrokenCircuitError) return { error: createCircuitOpenError(OPEN_MS) };
      if (!(thrown instanceof HttpFailure)) throw thrown;
      failedAt = clock.now();
      const error = toTransportError(thrown, operation);
      const surelyNotApplied = thrown.kind === 'unreachable';
      const safe = surelyNotApplied || (!operation.isWrite && thrown.kind === 'reset');
      return safe ? { error, pauseMs: backoffMs } : { error };
    }
  }

  return {
    isReachable: () => failedAt === undefined || clock.now() - failedAt > UNREACHABLE_MS,
    async call(request, operation, options) {
      const { priority, beforeSending, deadlineAt = clock.now() + deadlineMs } = options;
      let renewed = false;
      for (let attempts = 1; ; attempts += 1) {
        throwIfOpen();
        await scheduler.acquire(operation.name, options);
        const token = await tokens.getToken();
        const outcome = await attempt(request, operation, token, { beforeSending, deadlineAt });
        if ('response' in outcome) {
          const { response } = outcome;
          const refused = response.status === 401 || response.status === 403;
          if (!refused || renewed) return response;
          // The token was refused, so nothing was changed, and the request is repeated once with a new token.
          tokens.invalidate(token);
          renewed = true;
        } else {
          const { error, pauseMs } = outcome;
          const last = attempts >= MAX_ATTEMPTS || priority === 'refresh' || pauseMs === undefined;
          if (last || clock.now() + pauseMs >= deadlineAt) throw error;
          await sleep(pauseMs);
        }
      }
    },
  };
}

function createCircuitOpenError(leftMs: number): AppError {
  return new AppError(
    'upstream_unavailable',
    'The identity provider is temporarily unavailable (circuit open).',
    {
      retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)),
      cause: new SafeError('circuit breaker open'),
    },
  );
}
