import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { exchangeBytes, sendRaw } from '../support/raw-http.ts';
import { openScene } from '../support/scene.ts';
import { LEAK } from '../support/sentinels.ts';
import { until } from '../support/until.ts';

const { person, service, tenant, startAnother } = await openScene();
const onePort = await startAnother({
  env: {
    PUBLIC_HEALTH: 'true',
    PUBLIC_URL: 'https://api.example.com/api',
    USER_READS_PER_MINUTE: '1',
    AUTH_FAILURES_PER_MINUTE: '1',
  },
});

async function readiness(url: string): Promise<unknown> {
  const response = await fetch(`${url}/readyz`);
  return { httpStatus: response.status, report: await response.json() };
}

describe('the operations listener', () => {
  test('/livez is 200 as long as the process answers', async () => {
    const response = await fetch(`${service.opsUrl}/livez`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'alive' }]);
  });

  test('/readyz names each check', async () => {
    expect(await readiness(service.opsUrl)).toEqual({
      httpStatus: 200,
      report: {
        status: 'ready',
        checks: { signing_keys: 'ok', management_token: 'ok', management_api: 'ok' },
      },
    });
  });

  test('/metrics tells requests by template, and no user, key, token or value', async () => {
    const jane = await person({ 'LEAK-key': 'LEAK-value' });
    await jane.ask('GET', '/LEAK-key');
    await jane.ask('PATCH', '', { json: { a: 1 } });
    await service.linesOf((await jane.ask('GET')).headers.get('x-request-id') ?? '');
    const response = await fetch(`${service.opsUrl}/metrics`);
    const text = await response.text();
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
    const samples = text.split('\n').filter((line) => /^metadata_bff_.*(_count|_total)\{/.test(line));
    const found = [
      /^metadata_bff_http_request_duration_seconds_count\{method="GET",route="\/me\/metadata\/:key",status="200"\} 1$/,
      /^metadata_bff_cache_requests_total\{.*outcome="miss"\} 1$/,
      /^metadata_bff_cache_requests_total\{.*outcome="hit"\} 1$/,
      /^metadata_bff_upstream_operation_duration_seconds_count\{operation="users\.change",outcome="ok"\} 1$/,
    ].map((wanted) => samples.filter((line) => wanted.test(line)).length);
    expect(found).toEqual([1, 1, 1, 1]);
    expect(samples.join()).not.toContain(jane.user.id);
    expect(LEAK.test(text)).toBe(false);
  });

  test('a method or address that it does not know is refused like everywhere', async () => {
    await expectProblem(await fetch(`${service.opsUrl}/nowhere`), 404, 'route_not_found');
    const response = await fetch(`${service.opsUrl}/readyz`, { method: 'POST' });
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    await expectProblem(response, 405, 'method_not_allowed');
  });

  test('does not serve metadata', async () => {
    const jane = await person({ a: 1 });
    const response = await fetch(`${service.opsUrl}/me/metadata`, {
      headers: { authorization: `Bearer ${jane.token}` },
    });
    expect(response.status).toBe(404);
  });
});

async function statusAt(path: string, host: string): Promise<number> {
  return (await sendRaw(onePort.port, { path, headers: { host } })).status;
}

describe('the public listener', () => {
  test.each(['/livez', '/readyz', '/metrics'])('does not serve %s unless asked to', async (path) => {
    const response = await fetch(`${service.url}${path}`);
    expect(response.headers.get('allow')).toBeNull();
    await expectProblem(response, 404, 'route_not_found');
  });

  test.each(['/livez', '/readyz'])('serves %s with PUBLIC_HEALTH, as the other one does', async (path) => {
    const [here, there] = [await fetch(`${onePort.url}${path}`), await fetch(`${onePort.opsUrl}${path}`)];
    expect([here.status, await here.json()]).toEqual([200, await there.json()]);
    for (const { headers } of [here, there]) expect(headers.get('cache-control')).toBe('no-store');
    const conditional = await fetch(`${onePort.url}${path}`, { headers: { 'if-none-match': '*' } });
    expect([conditional.status, (await conditional.text()).length > 0]).toEqual([200, true]);
    const head = await fetch(`${onePort.url}${path}`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const post = await fetch(`${onePort.url}${path}`, { method: 'POST' });
    expect(post.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    await expectProblem(post, 405, 'method_not_allowed');
  });

  test('serves /metrics never', async () => {
    const headers = { host: 'api.example.com' };
    const response = await sendRaw(onePort.port, { path: '/metrics', headers });
    expect(response.headers.get('allow')).toBeNull();
    await expectProblem(response, 404, 'route_not_found');
  });

  test('serves health under any host, because probes name the address of a machine', async () => {
    expect(await statusAt('/livez', '10.0.0.7:3000')).toBe(200);
    expect(await statusAt('/readyz', 'localhost')).toBe(200);
    expect(await statusAt('/api/livez', 'api.example.com')).toBe(200);
    expect(await statusAt('/api/livez', '10.0.0.7:3000')).toBe(421);
    expect(await statusAt('/livez/', '10.0.0.7:3000')).toBe(421);
    expect(await statusAt('/me', '10.0.0.7:3000')).toBe(421);
    expect((await exchangeBytes(onePort.port, 'GET /livez HTTP/1.0\r\n\r\n')).status).toBe(200);
    expect((await exchangeBytes(onePort.port, 'GET /me HTTP/1.0\r\n\r\n')).status).toBe(421);
  });

  test('asks no health probe for a token, and counts none', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(`${onePort.url}/livez`, { headers: { authorization: 'Bearer nonsense' } }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers[0]?.headers.get('ratelimit')).toBeNull();
  });
});

describe('before the issuer could be asked', () => {
  test('/readyz is 503 and says what is missing, and a request heals it', async () => {
    tenant.answerWith('jwks', { status: 500, body: { message: 'LEAK' } });
    tenant.answerWith('token', { status: 500, body: { message: 'LEAK' } });
    const early = await startAnother({ awaitReady: false, env: { PUBLIC_HEALTH: 'true' } });
    const jane = await person({ a: 1 });
    const ask = async () =>
      fetch(`${early.url}/me/metadata`, { headers: { authorization: `Bearer ${jane.token}` } });
    await until(() => (tenant.countOf('jwks', 'token') >= 2 ? true : undefined));
    expect(await readiness(early.opsUrl)).toEqual({
      httpStatus: 503,
      report: {
        status: 'not_ready',
        checks: { signing_keys: 'failing', management_token: 'failing', management_api: 'ok' },
      },
    });
    expect(await readiness(early.url)).toEqual(await readiness(early.opsUrl));
    expect((await fetch(`${early.opsUrl}/livez`)).status).toBe(200);
    await expectProblem(await ask(), 503, 'keys_unavailable');
    tenant.heal();
    early.clock.advance(10);
    expect((await ask()).status).toBe(200);
    expect(await readiness(early.opsUrl)).toMatchObject({ httpStatus: 200, report: { status: 'ready' } });
  });

  test('a missing Management API token degrades the service and does not take it out', async () => {
    tenant.answerWith('token', { status: 401, body: { error: 'LEAK' } });
    const degraded = await startAnother({ awaitReady: false });
    const report = await until(async () => {
      const seen = await readiness(degraded.opsUrl);
      return JSON.stringify(seen).includes('"signing_keys":"ok"') ? seen : undefined;
    });
    expect(report).toEqual({
      httpStatus: 200,
      report: {
        status: 'degraded',
        checks: { signing_keys: 'ok', management_token: 'failing', management_api: 'ok' },
      },
    });
    await until(
      () => degraded.logLines.some((line) => line.includes('management_token_fetch_failed')) || undefined,
    );
    expect(degraded.logLines.join('')).not.toMatch(LEAK);
  });
});
