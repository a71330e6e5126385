/**
 * Traces of requests, where they are wanted: a span for each request and one below it for each that goes to
 * Auth0. OpenTelemetry is loaded only where traces are configured.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestSpan } from '../http/middleware/request-context.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { SafeError } from '../lib/app-error.ts';
import { withinTime } from '../lib/promises.ts';
import type { TracingSdk, TracingSettings } from './tracing-sdk.ts';

export interface Tracing {
  /** Loads what it takes. Does not wait for the collector, which need not be there. */
  start(): Promise<void>;
  /** Begins the span of a request, in the trace that its `traceparent` names, if it does. */
  request(method: string, headers: IncomingHttpHeaders): RequestSpan | undefined;
  /** Returns a client that makes a span for each request and sends its context as `traceparent`. */
  withTracing(http: HttpClient): HttpClient;
  /** Sends what is left, for a bounded time. */
  stop(): Promise<void>;
}

interface Dependencies {
  /** Called once when spans cannot be delivered, until they can. */
  readonly onTrouble: (reason: unknown) => void;
}

const STOP_MS = 2_000;

/** What a package manager installs beside this service for traces; `peerDependencies` has the same. */
export const TRACING_PACKAGES: Readonly<Record<string, string>> = {
  '@opentelemetry/api': '^1.9.1',
  '@opentelemetry/core': '^2.12.1',
  '@opentelemetry/exporter-trace-otlp-http': '^0.223.1',
  '@opentelemetry/resources': '^2.12.1',
  '@opentelemetry/sdk-trace': '^2.12.1',
};

type CreateTracingSdk = (dependencies: Dependencies, settings: TracingSettings) => TracingSdk;

/** @throws SafeError naming the command that installs OpenTelemetry, where it is missing. */
export async function loadTracingSdk(
  load = () => import('./tracing-sdk.ts'),
): Promise<{ readonly createTracingSdk: CreateTracingSdk }> {
  try {
    return await load();
  } catch (cause) {
    const code: unknown = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const packages = Object.entries(TRACING_PACKAGES).map(([name, range]) => `"${name}@${range}"`);
    throw new SafeError(
      `The OTEL_* variables ask for traces, for which packages are missing: npm install ${packages.join(' ')}`,
      { cause },
    );
  }
}

export function createTracing(dependencies: Dependencies, settings: TracingSettings): Tracing {
  let sdk: TracingSdk | undefined;
  return {
    async start() {
      const { createTracingSdk } = await loadTracingSdk();
      sdk = createTracingSdk(dependencies, settings);
    },
    request: (method, headers) => sdk?.request(method, headers),
    withTracing: (http) => ({
      send: (request) => (sdk ? sdk.send(http, request) : http.send(request)),
      close: () => http.close(),
    }),
    async stop() {
      const stopping = sdk;
      if (!stopping) return;
      await withinTime(
        () => stopping.stop(),
        STOP_MS,
        () => new SafeError('the collector does not take them in time'),
      ).catch(dependencies.onTrouble);
    },
  };
}
