/**
 * How a request to the Management API is made: admitted by the governor, authorised, sent through the
 * circuit breaker, and repeated only where that is safe and there is time left.
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
import type { CallOptions } from '../metadata/ports.ts';
import type { Governor, Lane } from './request-scheduler.ts';
import { retryAfterSeconds, statusError, transportError } from './errors.ts';
import type { BreakerState, TenantObserver } from './tenant.ts';
import type { ManagementToken, TokenProvider } from './token-provider.ts';

/** What is asked, for the log, the budget and the question whether it may be asked twice. */
export interface Operation {
  readonly name: Lane;
  readonly changes: boolean;
}

export interface Upstream {
  /**
   * Answers any status that is for the operation to judge: a success, or a refusal of this request.
   * @throws AppError with an `upstream_*` code for everything else.
   */
  call(request: HttpRequest, operation: Operation, options: CallOptions): Promise<HttpResponse>;
  /** Whether the last request got an answer that was no server error; also when nothing was asked for a while. */
  reachable(): boolean;
}

interface Dependencies {
  readonly http: HttpClient;
  readonly tokens: TokenProvider;
  readonly governor: Governor;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly random: () => number;
  /** Told of each change of the circuit breaker. */
  readonly observer?: Pick<TenantObserver, 'setCircuitState'>;
}

export interface UpstreamOptions {
  /** For one answer. */
  readonly timeoutMs: number;
  /** For everything a call does, waiting for the budget included. */
  readonly deadlineMs: number;
}

interface Terms {
  readonly beforeSending: CallOptions['beforeSending'];
  readonly deadlineAt: number;
}

const BREAKER_STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

const ATTEMPTS_MAX = 3;
/** How long the circuit stays open before one request tries again. */
const OPEN_MS = 2_000;
/** After so long without a request, nobody knows whether the last failure still means anything. */
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
  { http, tokens, governor, clock, sleep, random, observer }: Dependencies,
  { timeoutMs, deadlineMs }: UpstreamOptions,
): Upstream {
  const breaker = createBreaker();
  let openedAt: number | undefined;
  let failedAt: number | undefined;
  breaker.onStateChange((state) => {
    openedAt = state === CircuitState.Open ? clock.now() : undefined;
    observer?.setCircuitState(BREAKER_STATES[state]);
  });

  /** A request that would be refused anyway must not wait for the budget, nor spend it. */
  function refuseWhileOpen(): void {
    const leftMs = openedAt === undefined ? 0 : openedAt + OPEN_MS - clock.now();
    if (leftMs > 0) throw circuitOpen(leftMs);
  }

  function send(request: HttpRequest, token: ManagementToken, terms: Terms): Promise<HttpResponse> {
    const headers = { ...request.headers, authorization: `Bearer ${token.value}` };
    return breaker.execute(async () => {
      await terms.beforeSending?.();
      const leftMs = terms.deadlineAt - clock.now();
      return http.send({
        ...request,
        headers,
        timeoutMs: Math.max(1, Math.min(timeoutMs, leftMs)),
        ...(terms.beforeSending && { beforeRepeating: terms.beforeSending }),
      });
    });
  }

  /** One attempt: the answer, or the error that it comes to, with the pause after which to repeat it. */
  async function attempt(
    request: HttpRequest,
    operation: Operation,
    token: ManagementToken,
    terms: Terms,
  ): Promise<{ readonly response: HttpResponse } | { readonly error: unknown; readonly pauseMs?: number }> {
    const backoffMs = BACKOFF_MS * (0.5 + random());
    try {
      const response = await send(request, token, terms);
      failedAt = isServerError(response) ? clock.now() : undefined;
      governor.learn(operation.name, response);
      if (response.status === 429) {
        const error = statusError(response, operation, clock.now());
        return { error, pauseMs: retryAfterSeconds(response, clock.now()) * 1000 + backoffMs };
      }
      return { response };
    } catch (thrown) {
      if (thrown instanceof BrokenCircuitError) return { error: circuitOpen(OPEN_MS) };
      if (!(thrown instanceof HttpFailure)) throw thrown;
      failedAt = clock.now();
      const error = transportError(thrown, operation);
      const surelyNotApplied = thrown.kind === 'unreachable';
      const safe = surelyNotApplied || (!operation.changes && thrown.kind === 'reset');
      return safe ? { error, pauseMs: backoffMs } : { error };
    }
  }

  return {
    reachable: () => failedAt === undefined || clock.now() - failedAt > UNREACHABLE_MS,
    async call(request, operation, options) {
      const { priority, beforeSending, deadlineAt = clock.now() + deadlineMs } = options;
      let renewed = false;
      for (let attempts = 1; ; attempts += 1) {
        refuseWhileOpen();
        await governor.admit(operation.name, options);
        const token = await tokens.token();
        const outcome = await attempt(request, operation, token, { beforeSending, deadlineAt });
        if ('response' in outcome) {
          const { response } = outcome;
          const refused = response.status === 401 || response.status === 403;
          if (!refused || renewed) return response;
          // Our own fault, not the caller's: a refused request changed nothing and may be repeated once.
          tokens.reject(token);
          renewed = true;
        } else {
          const { error, pauseMs } = outcome;
          const last = attempts >= ATTEMPTS_MAX || priority === 'refresh' || pauseMs === undefined;
          if (last || clock.now() + pauseMs >= deadlineAt) throw error;
          await sleep(pauseMs);
        }
      }
    },
  };
}

function circuitOpen(leftMs: number): AppError {
  return new AppError(
    'upstream_unavailable',
    'The identity provider is temporarily unavailable (circuit open).',
    {
      retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)),
      cause: new SafeError('circuit breaker open'),
    },
  );
}
