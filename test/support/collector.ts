/** A collector of traces: takes OTLP over HTTP as JSON, and shows the spans that arrived. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll } from '@jest/globals';

export interface ReceivedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface Collector {
  /** The base that `OTEL_EXPORTER_OTLP_ENDPOINT` names. */
  readonly url: string;
  /** Paths and bodies, as they came. */
  readonly requests: ReadonlyArray<{ readonly path: string; readonly body: string }>;
  /** Spans by their names, in the order of their arrival. */
  readonly spans: (name: string) => readonly ReceivedSpan[];
  /** What every span says of the process that sent it. */
  readonly resource: () => Readonly<Record<string, unknown>>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Body {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: ReadonlyArray<{
      readonly spans: ReadonlyArray<
        Omit<ReceivedSpan, 'attributes'> & { readonly attributes: readonly KeyValue[] }
      >;
    }>;
  }>;
}

/** @param answers whether it ever answers; one that does not holds every request open. */
export async function startCollector({ answers = true } = {}): Promise<Collector> {
  const requests: Array<{ path: string; body: string }> = [];
  const server = createServer((req, res) => {
    void receive(req, res);
  });
  async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    requests.push({ path: req.url ?? '', body: await text(req) });
    if (answers) res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const groups = () =>
    requests.flatMap(({ body }) => {
      const { resourceSpans }: Body = JSON.parse(body);
      return resourceSpans;
    });
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    spans: (name) =>
      groups()
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        .filter((span) => span.name === name)
        .map((span) => ({ ...span, attributes: plain(span.attributes) })),
    resource: () => plain(groups()[0]?.resource.attributes ?? []),
  };
}

function plain(attributes: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
