/**
 * Requests with the caller's token. One is repeated only where that is safe: a refusal that says when to come
 * back, a read without an answer, or a token that was not taken. A write whose fate is unknown never is.
 */
import { isMetadataError, OutcomeUnknownError } from './errors.ts';
import { isObject, own, parse } from './json.ts';
import { type Answer, networkProblem, problemOf } from './problem-answer.ts';
import { MAX_PAUSE_SECONDS, MIN_PAUSE_SECONDS, pause, type Runtime } from './runtime.ts';

/**
 * An access token for the service. `forceRefresh` says that the one given before was refused. Undefined, and whatever
 * it rejects with, is the caller's affair.
 */
export type GetAccessToken = (request: { readonly forceRefresh: boolean }) => Promise<string | undefined>;

export interface RetryOptions {
  /** Requests in all; 3 unless told. */
  readonly maxAttempts?: number;
  /**
   * Waiting in all; 10 unless told, and 3600 at most. A refusal that asks for more is handed to the caller at once.
   */
  readonly maxWaitSeconds?: number;
}

export interface TransportOptions {
  readonly baseUrl: string;
  readonly getAccessToken?: GetAccessToken | undefined;
  readonly retry?: RetryOptions | undefined;
}

export interface Order {
  readonly method?: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether it is for everybody, and goes without a token. */
  readonly isPublic?: boolean;
}

export interface Transport {
  /**
   * Resolves to a success that holds what the service would send, or to 304 or 412, which are answers to what was asked.
   * @throws MetadataError; OutcomeUnknownError for a write; the signal's reason; what the token function throws.
   */
  send(order: Order): Promise<Answer>;
  /** The same in one attempt, not counting the one with another token; with `forceRefresh` it begins with that. */
  attempt(order: Order, forceRefresh: boolean): Promise<Answer>;
}

export function createTransport(
  runtime: Runtime,
  { baseUrl, getAccessToken, retry: { maxAttempts = 3, maxWaitSeconds = 10 } = {} }: TransportOptions,
): Transport {
  const base = baseUrl.replace(/\/+$/, '');
  const waitLimitSeconds = Math.min(maxWaitSeconds, MAX_PAUSE_SECONDS);

  async function attempt(order: Order, forceRefresh: boolean): Promise<Answer> {
    const { method = 'GET', path, headers, body, signal, isPublic = false } = order;
    const isWrite = method !== 'GET';
    const token = isPublic ? undefined : await getAccessToken?.({ forceRefresh });
    signal?.throwIfAborted();
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    // A redirect that is followed takes the body along, to whichever origin it names.
    const init: RequestInit = {
      method,
      headers: { ...headers, ...authorization },
      redirect: 'error',
      body: body ?? null,
      signal: signal ?? null,
    };
    const answer = await runtime
      .fetch(base + path, init)
      .then(answerOf)
      .catch((error: unknown) => {
        throw isNetworkFailure(error) ? networkProblem(error, isWrite) : error;
      });
    if (isExpected(answer)) return answer;
    const refusal = problemOf(answer, isWrite, runtime.now());
    if (refusal.code === 'token_invalid' && token !== undefined && !forceRefresh) return attempt(order, true);
    throw refusal;
  }

  async function send(order: Order): Promise<Answer> {
    let waited = 0;
    for (let count = 1; ; count += 1) {
      try {
        return await attempt(order, false);
      } catch (error) {
        const seconds = count < maxAttempts ? secondsAfter(error, count) : undefined;
        // The comparison is also false for an option that is not a number.
        if (seconds === undefined || !(waited + seconds <= waitLimitSeconds)) throw error;
        waited += seconds;
        // A little more for each, so that those who were refused together do not come back together.
        await pause(runtime, seconds * (1 + runtime.random() / 4) * 1000, order.signal);
      }
    }
  }

  return { send, attempt };
}

async function answerOf(response: Response): Promise<Answer> {
  const { ok, status, headers } = response;
  const isStream = ok && /^text\/event-stream\b/.test(headers.get('content-type') ?? '');
  if (isStream) return { status, headers, text: '', body: undefined, stream: response.body ?? undefined };
  const text = await response.text();
  return { status, headers, text, body: parse(text), stream: undefined };
}

/** A page of somebody on the way is none, whatever its status. */
function isExpected({ status, body, stream }: Answer): boolean {
  if (status === 204 || status === 304) return true;
  if (status === 412) return own(body, 'code') === 'precondition_failed';
  return status >= 200 && status < 300 && (body !== undefined || stream !== undefined);
}

/** When to try again what failed so, or undefined for never. */
function secondsAfter(error: unknown, count: number): number | undefined {
  if (!isMetadataError(error) || error instanceof OutcomeUnknownError) return undefined;
  const passes = error.code === 'network_failed' || error.status === 429 || error.status === 503;
  return passes ? Math.max(error.retryAfterSeconds ?? 2 ** (count - 2), MIN_PAUSE_SECONDS) : undefined;
}

/** How `fetch` says that there is no answer, or no more of it. Whatever else it rejects with is not about the network. */
function isNetworkFailure(error: unknown): boolean {
  return isObject(error) && error['name'] === 'TypeError';
}
