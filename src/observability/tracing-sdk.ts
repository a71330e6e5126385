/**
 * OpenTelemetry, as far as this service uses it. Spans follow the semantic conventions for HTTP but for
 * `url.path` and `url.full`, which would name keys and users; no attribute does.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingHttpHeaders } from 'node:http';
import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { RequestSpan } from '../http/middleware/request-context.ts';
import { type HttpClient, HttpFailure, type HttpRequest, type HttpResponse } from '../lib/http-client.ts';

export interface TracingSettings {
  /** Where spans are sent, by OTLP over HTTP. */
  readonly url: string;
  readonly serviceName: string | undefined;
  readonly sampler: `${'' | 'parentbased_'}${'always_on' | 'always_off' | 'traceidratio'}`;
  readonly ratio: number;
}

export interface TracingSdk {
  request(method: string, headers: IncomingHttpHeaders): RequestSpan;
  send(http: HttpClient, request: HttpRequest): Promise<HttpResponse>;
  stop(): Promise<void>;
}

interface Dependencies {
  readonly onTrouble: (reason: unknown) => void;
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST', 'TRACE', 'CONNECT']);

/**
 * Which trace and span this is, and no more: `tracestate` is what a caller wrote, and other systems beside it
 * (W3C Trace Context section 3.3). It is none of Auth0's business.
 */
const TRACEPARENT_ALONE: TextMapSetter<Record<string, string>> = {
  set(carrier, name, value) {
    if (name === 'traceparent') carrier[name] = value;
  },
};

export function createTracingSdk({ onTrouble }: Dependencies, settings: TracingSettings): TracingSdk {
  const exporter = withFailureReport(new OTLPTraceExporter({ url: settings.url }), onTrouble);
  const provider = new TracerProvider({
    resource: createResource(settings),
    sampler: createSampler(settings),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('metadata-bff');
  const propagator = new W3CTraceContextPropagator();
  const current = new AsyncLocalStorage<Context>();

  return {
    request(sent, headers) {
      const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      const method = METHODS.has(sent) ? sent : '_OTHER';
      const attributes = { 'http.request.method': method };
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
      return {
        traceId: span.spanContext().traceId,
        run: (task) => current.run(trace.setSpan(parent, span), task),
        end: (served) => endRequestSpan(span, method === '_OTHER' ? 'HTTP' : method, served),
      };
    },
    async send(http, request) {
      const { method, url, operation = 'other', headers = {} } = request;
      const parent = current.getStore() ?? ROOT_CONTEXT;
      const attributes = clientAttributes(method, url, operation, headers['x-correlation-id']);
      const span = tracer.startSpan(`${method} ${operation}`, { kind: SpanKind.CLIENT, attributes }, parent);
      const carrier: Record<string, string> = { ...headers };
      propagator.inject(trace.setSpan(parent, span), carrier, TRACEPARENT_ALONE);
      try {
        const response = await http.send({ ...request, headers: carrier });
        recordStatus(span, response.status, response.status >= 400, undefined);
        return response;
      } catch (error) {
        recordError(span, error instanceof HttpFailure ? error.kind : 'internal');
        throw error;
      } finally {
        span.end();
      }
    },
    stop: () => provider.shutdown(),
  };
}

function endRequestSpan(
  span: Span,
  method: string,
  { requestId, route, status, failure }: Parameters<RequestSpan['end']>[0],
): void {
  if (route !== 'none') {
    span.updateName(`${method} ${route}`);
    span.setAttribute('http.route', route);
  } else {
    span.updateName(method);
  }
  span.setAttribute('metadata_bff.request_id', requestId);
  recordStatus(span, status, status >= 500, failure?.code);
  span.end();
}

function recordStatus(span: Span, status: number, failed: boolean, code: string | undefined): void {
  span.setAttribute('http.response.status_code', status);
  if (failed) recordError(span, code ?? String(status));
}

function recordError(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function clientAttributes(
  method: string,
  url: string,
  operation: string,
  correlationId: string | undefined,
): Attributes {
  const { protocol, hostname, port } = new URL(url);
  return {
    'http.request.method': method,
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
    'metadata_bff.operation': operation,
    ...(correlationId === undefined ? {} : { 'metadata_bff.correlation_id': correlationId }),
  };
}

/** The name given wins over that of OTEL_RESOURCE_ATTRIBUTES, and that over the default. */
function createResource({ serviceName }: TracingSettings): Resource {
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'metadata-bff' }))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
    .merge(resourceFromAttributes(serviceName === undefined ? {} : { 'service.name': serviceName }));
}

function createSampler({ sampler, ratio }: TracingSettings): Sampler {
  const [, parentBased, kind] = /^(parentbased_)?(.*)$/.exec(sampler) ?? [];
  const root =
    kind === 'traceidratio'
      ? new TraceIdRatioBasedSampler(ratio)
      : kind === 'always_off'
        ? new AlwaysOffSampler()
        : new AlwaysOnSampler();
  return parentBased === undefined ? root : new ParentBasedSampler({ root });
}

/** Returns an exporter that reports a failure once until it is over. */
function withFailureReport(exporter: SpanExporter, onTrouble: (reason: unknown) => void): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== ExportResultCode.SUCCESS;
        if (failed && !failing) onTrouble(result.error);
        failing = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
