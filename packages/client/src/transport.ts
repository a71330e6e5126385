/**
 * Sends requests with the user's token. Repeats one only where that is safe: after 429 and 503, after a read without a
 * response, and after a refused token. A write whose outcome is unknown is never repeated.
 */
import { isMetadataError, OutcomeUnknownError } from './errors.ts';
import { isObject, getMember, parseJson } from './json.ts';
import { type ClientResponse, createNetworkError, toMetadataError } from './response.ts';
import { MAX_DELAY_SECONDS, MIN_DELAY_SECONDS, delay, type Runtime } from './runtime.ts';

/**
 * Gives an access token for the service. `forceRefresh` is true after the service refused the token before. With
 * undefined, the request has no token. A rejection reaches the caller unchanged.
 */
export type GetAccessToken = (request: { readonly forceRefresh: boolean }) => Promise<string | undefined>;

export interface RetryOptions {
  /** Requests in total; 3 by default. */
  readonly maxAttempts?: number;
  /** Waiting in total; 10 by default, 3600 at most. A refusal that asks for more reaches the caller at once. */
  readonly maxWaitSeconds?: number;
}

export interface TransportOptions {
  readonly baseUrl: string;
  readonly getAccessToken?: GetAccessToken | undefined;
  readonly retry?: RetryOptions | undefined;
}

export interface ClientRequest {
  readonly method?: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether it needs no token. */
  readonly isPublic?: boolean;
}

export interface Transport {
  /**
   * Resolves to a success of the service, or to 304 or 412, which answer the conditions of the request.
   * @throws MetadataError; OutcomeUnknownError for a write; the signal's reason; what the token function throws.
   */
  send(request: ClientRequest): Promise<ClientResponse>;
  /** The same in one attempt, or two if the token is refused. `forceRefresh` begins with a new token. */
  attempt(request: ClientRequest, forceRefresh: boolean): Promise<ClientResponse>;
}

export function createTransport(
  runtime: Runtime,
  { baseUrl, getAccessToken, retry: { maxAttempts = 3, maxWaitSeconds = 10 } = {} }: TransportOptions,
): Transport {
  const base = baseUrl.replace(/\/+$/, '');
  const waitLimitSeconds = Math.min(maxWaitSeconds, MAX_DELAY_SECONDS);

  async function attempt(request: ClientRequest, forceRefresh: boolean): Promise<ClientResponse> {
    const { method = 'GET', path, headers, body = null, signal = null, isPublic } = request;
    const isWrite = method !== 'GET';
    const token = isPublic ? undefined : await getAccessToken?.({ forceRefresh });
    signal?.throwIfAborted();
    // A browser that follows a redirect sends the body along, to any origin.
    const init: RequestInit = {
      method,
      headers: { ...headers, ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
      redirect: 'error',
      body,
      signal,
    };
    const response = await runtime
      .fetch(base + path, init)
      .then(readResponse)
      .catch((error: unknown) => {
        throw isNetworkFailure(error) ? createNetworkError(error, isWrite) : error;
      });
    if (isExpected(response)) return response;
    const refusal = toMetadataError(response, isWrite, runtime.now());
    if (refusal.code === 'token_invalid' && token !== undefined && !forceRefresh)
      return attempt(request, true);
    throw refusal;
  }

  async function send(request: ClientRequest): Promise<ClientResponse> {
    let waited = 0;
    for (let count = 1; ; count += 1) {
      try {
        return await attempt(request, false);
      } catch (error) {
        const seconds = count < maxAttempts ? getRetryDelaySeconds(error, count) : undefined;
        // The comparison is also false for an option that is not a number.
        if (seconds === undefined || !(waited + seconds <= waitLimitSeconds)) throw error;
        waited += seconds;
        // A random part keeps clients that were refused together from coming back together.
        await delay(runtime, seconds * (1 + runtime.random() / 4) * 1000, request.signal);
      }
    }
  }

  return { send, attempt };
}

async function readResponse(response: Response): Promise<ClientResponse> {
  const { ok, status, headers } = response;
  const isStream = ok && /^text\/event-stream\b/.test(headers.get('content-type') ?? '');
  const stream = (isStream && response.body) || undefined;
  const text = stream ? '' : await response.text();
  return { status, headers, text, body: parseJson(text), stream };
}

/** False for the page of a proxy or portal, whatever its status. */
function isExpected({ status, body, stream }: ClientResponse): boolean {
  if (status === 204 || status === 304) return true;
  if (status === 412) return getMember(body, 'code') === 'precondition_failed';
  return status >= 200 && status < 300 && (body !== undefined || stream !== undefined);
}

/** How long to wait before the next attempt; undefined for none. */
function getRetryDelaySeconds(error: unknown, count: number): number | undefined {
  if (!isMetadataError(error) || error instanceof OutcomeUnknownError) return undefined;
  const passes = error.code === 'network_failed' || error.status === 429 || error.status === 503;
  return passes ? Math.max(error.retryAfterSeconds ?? 2 ** (count - 2), MIN_DELAY_SECONDS) : undefined;
}

/** How `fetch` reports that there is no response, or that it broke off. All its other errors have other causes. */
function isNetworkFailure(error: unknown): boolean {
  return isObject(error) && error['name'] === 'TypeError';
}
