import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startCollector } from '../support/collector.ts';
import { parseObject } from '../support/json.ts';
import { serveTenant } from '../support/tenant-on-socket.ts';
import { AUDIENCE, mintToken } from '../support/tokens.ts';
import { runProgram, type Running } from '../e2e/program.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const USER = 'auth0|LEAK-user';

const server = await serveTenant();
server.tenant.user(USER, { 'LEAK-key': 'LEAK-value', n: {} });
const token = await mintToken({ claims: { iss: `${server.url}/`, sub: USER } });
const collector = await startCollector();
const silent = await startCollector({ answers: false });

interface Program extends Running {
  readonly ask: (
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: string,
  ) => Promise<Response>;
  readonly stop: () => Promise<void>;
}

async function start(env: Readonly<Record<string, string>>): Promise<Program> {
  const program = runProgram({
    AUDIENCE,
    ISSUER_BASE_URL: server.url,
    AUTH0_MANAGEMENT_URL: server.url,
    AUTH0_CLIENT_ID: 'the-machine-client',
    AUTH0_CLIENT_SECRET: 'LEAK-client-secret',
    ...env,
  });
  const [, port] = await program.prints(/"port":(\d+)/);
  return {
    ...program,
    ask: (method, path, headers = {}, body) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body }),
      }),
    async stop() {
      program.signal('SIGTERM');
      expect(await program.ends()).toBe(0);
    },
  };
}

function linesOf(program: Running): Array<Record<string, unknown>> {
  return program.output().trim().split('\n').map(parseObject);
}

describe('with a collector', () => {
  let program: Program;
  /** `traceparent` as the tenant got it with each change. */
  let sentParents: unknown[] = [];
  /** `tracestate` and `baggage` as the tenant got them with any request. */
  let sentElsewhere: unknown[] = [];

  beforeAll(async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'the-proxy' };
    program = await start(env);
    const parent = {
      traceparent: `00-${TRACE}-${CALLER}-01`,
      tracestate: 'LEAK=LEAK',
      baggage: 'LEAK=LEAK',
    };
    await program.ask('PATCH', '/me/metadata?LEAK=1', parent, '{"LEAK-key":{"a":1}}');
    await program.ask('GET', '/me/metadata/LEAK-key');
    await program.ask('GET', '/LEAK-nowhere');
    await program.ask('DELETE', '/me/metadata', { traceparent: `00-${TRACE}-${CALLER}-00` });
    server.tenant.answerWith('read', { status: 500 });
    await program.ask('GET', '/me/metadata', { 'cache-control': 'no-cache' });
    sentElsewhere = server.tenant.calls.flatMap(({ headers }) => [headers['tracestate'], headers['baggage']]);
    sentParents = server.tenant.calls
      .filter(({ route }) => route === 'change')
      .map(({ headers }) => headers['traceparent']);
    server.tenant.heal();
    await program.stop();
  });

  test('a request is a span of the caller’s trace, named by its route', () => {
    const [span] = collector.spans('PATCH /me/metadata');
    expect(span).toMatchObject({ kind: 2, traceId: TRACE, parentSpanId: CALLER });
    expect(span?.attributes).toEqual({
      'http.request.method': 'PATCH',
      'http.route': '/me/metadata',
      'http.response.status_code': 200,
      'metadata_bff.request_id': expect.stringMatching(/^[\w-]{36}$/),
    });
  });

  test('each request to the tenant is a span below it, and the tenant is told', () => {
    const [above] = collector.spans('PATCH /me/metadata');
    const [read] = collector.spans('GET users.read');
    const [change] = collector.spans('PATCH users.change');
    const below = { kind: 3, traceId: TRACE, parentSpanId: above?.spanId };
    expect([read, change]).toEqual([expect.objectContaining(below), expect.objectContaining(below)]);
    expect(sentParents[0]).toBe(`00-${TRACE}-${change?.spanId}-01`);
    const audited = linesOf(program).find((line) => line['event'] === 'audit');
    expect(change?.attributes['metadata_bff.correlation_id']).toBe(audited?.['correlation_id']);
  });

  test('the tenant gets no tracestate and no baggage of the caller', () => {
    expect(sentElsewhere.length).toBeGreaterThan(10);
    expect(sentElsewhere.filter((value) => value !== undefined)).toEqual([]);
  });

  test('a request that comes without a trace begins one; its log line names it', () => {
    const [span] = collector.spans('GET /me/metadata/:key');
    expect(span?.parentSpanId).toBeUndefined();
    const line = linesOf(program).find(({ route }) => route === '/me/metadata/:key');
    expect(line?.['trace_id']).toBe(span?.traceId);
    expect(collector.spans('GET')).toHaveLength(1);
  });

  test('a caller that is not traced is not traced here either, and the tenant learns that', () => {
    expect(collector.spans('DELETE /me/metadata')).toEqual([]);
    expect(sentParents[1]).toMatch(new RegExp(`^00-${TRACE}-[\\da-f]{16}-00$`));
  });

  test('what fails says why', () => {
    const [served] = collector.spans('GET /me/metadata');
    expect(served?.attributes).toMatchObject({
      'http.response.status_code': 503,
      'error.type': 'upstream_unavailable',
    });
    const asked = collector.spans('GET users.read').at(-1);
    expect(asked?.attributes).toMatchObject({ 'http.response.status_code': 500, 'error.type': '500' });
  });

  test('nothing that is sent names a user, a key, a value or a secret', () => {
    expect(collector.requests.map(({ path }) => path)).toContain('/v1/traces');
    expect(collector.resource()).toMatchObject({ 'service.name': 'the-proxy' });
    // The caller's own tracestate is for the collector.
    for (const { body } of collector.requests) expect(body.replaceAll('LEAK=LEAK', '')).not.toContain('LEAK');
  });
});

describe('with a collector that is of no use', () => {
  const programs: Program[] = [];
  let statuses: readonly number[] = [];

  beforeAll(async () => {
    for (const url of ['http://127.0.0.1:1', silent.url]) {
      programs.push(await start({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url }));
    }
    const answers = await Promise.all(programs.map((program) => program.ask('GET', '/me/metadata')));
    statuses = answers.map(({ status }) => status);
    // Each stop ends although its spans cannot be delivered.
    await Promise.all(programs.map((program) => program.stop()));
  });

  test.each(['one that is not there', 'one that never answers'])(
    'requests are served, the log says so at most twice, and the service stops: %s',
    (name) => {
      const index = name.includes('never') ? 1 : 0;
      const told = programs[index]?.output().match(/trace_export_failed/g) ?? [];
      expect(statuses[index]).toBe(200);
      expect(told.length).toBeGreaterThan(0);
      expect(told.length).toBeLessThanOrEqual(2);
    },
  );
});

describe('without a collector', () => {
  let program: Program;
  beforeAll(async () => {
    program = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' });
  });
  afterAll(() => program.stop());

  test('nothing of a caller’s trace is passed on, or logged', async () => {
    server.tenant.heal();
    const headers = { traceparent: `00-${TRACE}-${CALLER}-01` };
    expect((await program.ask('GET', '/me/metadata', headers)).status).toBe(200);
    const read = server.tenant.calls.find(({ route }) => route === 'read');
    expect(read?.headers).not.toHaveProperty('traceparent');
    await program.prints(/"event":"request"/);
    expect(program.output()).not.toContain('trace_id');
  });
});
