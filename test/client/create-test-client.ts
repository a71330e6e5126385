/** A client for tests: it records its requests, and records its delays instead of waiting. */
import type { JsonObject } from '../../packages/client/src/json.ts';
import { createClient } from '../../packages/client/src/client.ts';
import type { MetadataClient, MetadataClientOptions } from '../../packages/client/src/options.ts';
import { type Fetch, platformRuntime } from '../../packages/client/src/runtime.ts';

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Of the answer; 0 where there was none. */
  readonly status: number;
}

export interface TestClient<T extends object> {
  readonly client: MetadataClient<T>;
  readonly sent: readonly SentRequest[];
  /** Milliseconds of each delay and time limit. */
  readonly timers: readonly number[];
}

interface TestClientOptions extends MetadataClientOptions {
  /** Which timers fire, and then at once; none by default. */
  readonly fires?: (ms: number) => boolean;
  readonly now?: () => number;
}

export function createTestClient<T extends object = JsonObject>({
  fires: rings = () => false,
  now = platformRuntime.now,
  ...options
}: TestClientOptions): TestClient<T> {
  const sent: SentRequest[] = [];
  const alarms: number[] = [];
  const inner = options.fetch ?? platformRuntime.fetch;
  const noting: Fetch = async (url, init) => {
    const note = (status: number) =>
      sent.push({ method: init.method ?? '', url, headers: new Headers(init.headers), status });
    const response = await inner(url, init).catch((error: unknown) => {
      note(0);
      throw error;
    });
    note(response.status);
    return response;
  };
  const client = createClient<T>(
    {
      fetch: noting,
      now,
      random: () => 0,
      setTimer(ms, ring) {
        alarms.push(ms);
        return rings(ms) ? platformRuntime.setTimer(0, ring) : () => undefined;
      },
    },
    options,
  );
  return { client, sent, timers: alarms };
}

/** A `fetch` with other responses for the first requests. */
export function respondFirst(...answers: ReadonlyArray<() => Promise<Response>>): Fetch {
  const left = [...answers];
  return (url, init) => left.shift()?.() ?? platformRuntime.fetch(url, init);
}

/** What a promise rejects with, which must be a `kind`. */
export async function getRejection<E extends Error>(
  kind: new (...args: never[]) => E,
  promise: Promise<unknown>,
): Promise<E> {
  const outcome: unknown = await promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );
  if (outcome instanceof kind) return outcome;
  throw new Error(`expected a rejection with ${kind.name}`, { cause: outcome });
}
