import { describe, expect, test } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { calculateJwkThumbprint, decodeJwt, SignJWT } from 'jose';
import {
  MetadataError,
  OutcomeUnknownError,
  StepUpRequiredError,
  isMetadataError,
} from '../../packages/client/src/errors.ts';
import type { MetadataClient } from '../../packages/client/src/options.ts';
import { platformRuntime } from '../../packages/client/src/runtime.ts';
import { renderProblem } from '../../src/http/errors.ts';
import { AppError, type ErrorCode, type ErrorExtras } from '../../src/lib/app-error.ts';
import { listen, serve } from '../lib/local-server.ts';
import { openScene } from '../support/scene.ts';
import { createSigningKey, mintToken } from '../support/tokens.ts';
import { respondFirst, createTestClient, getRejection } from './create-test-client.ts';

const { person, service, tenant } = await openScene();
const guarded = await openScene({
  policy: {
    userMetadata: {
      schema: {
        type: 'object',
        properties: {
          theme: { type: 'string' },
          payout: { type: 'string', 'x-step-up': { max_age: 300 } },
          phone: { type: 'string', 'x-step-up': { acr_values: ['mfa', 'hw'] } },
          limit: { type: 'integer', 'x-step-up': { max_age: 60, acr_values: ['mfa', 'hw'] } },
        },
      },
    },
  },
});

/** An answer of the service's own making. */
function refusal(code: ErrorCode, extras: ErrorExtras = {}): () => Promise<Response> {
  const { status, headers, body } = renderProblem(new AppError(code, 'For a test.', extras), 'request-1');
  return async () => new Response(body, { status, headers });
}

async function openJane(...first: ReadonlyArray<() => Promise<Response>>) {
  const jane = await person({ theme: 'dark' });
  const fixture = createTestClient({
    baseUrl: service.url,
    getAccessToken: async () => jane.token,
    fires: () => true,
    fetch: respondFirst(...first),
  });
  return { jane, ...fixture };
}

/** Something that is not the service. */
const page = (status: number) => async () => new Response('<html>', { status });

/** A client that is given these tokens one after another. */
function openWith(...tokens: string[]) {
  const asked: boolean[] = [];
  const fixture = createTestClient({
    baseUrl: service.url,
    async getAccessToken({ forceRefresh }) {
      asked.push(forceRefresh);
      return tokens.shift();
    },
  });
  return { asked, ...fixture };
}

test('a fault of a document reaches the app with its code and its params', async () => {
  const fault = {
    pointer: '/theme',
    code: 'enum',
    detail: 'Must be "dark".',
    params: { allowedValues: ['dark'] },
  };
  const { client } = await openJane(refusal('metadata_invalid', { errors: [fault] }));
  expect(await getRejection(MetadataError, client.patch({ theme: 'neon' }))).toMatchObject({
    errors: [fault],
  });
});

describe('a refusal that says when to come back', () => {
  test.each(['rate_limited', 'upstream_rate_limited', 'draining'] as const)(
    '(%s) is obeyed, by reads and writes alike',
    async (code) => {
      const wait = refusal(code, { retryAfterSeconds: 2 });
      const { client, timers: alarms, sent } = await openJane(wait, wait);
      expect((await client.patch({ theme: 'light' })).value).toEqual({ theme: 'light' });
      expect([alarms, sent.length]).toEqual([[2000, 2000], 3]);
    },
  );

  test('as a date is obeyed too, and one that says nothing is met with growing pauses', async () => {
    const at = new Date(Date.now() + 4000).toUTCString();
    const dated = async () => new Response('busy', { status: 429, headers: { 'retry-after': at } });
    const { client, timers: alarms } = await openJane(dated, refusal('keys_unavailable'));
    await client.patch({ theme: 'light' });
    expect(alarms[0]).toBeGreaterThan(1000);
    expect(alarms[0]).toBeLessThanOrEqual(4000);
    expect(alarms[1]).toBe(1000);
  });

  const NOW = Date.parse('2026-11-27T08:49:35Z');
  /** The pause in milliseconds that follows a refusal with this `Retry-After`. */
  async function pauseAfter(retryAfter: string): Promise<readonly number[]> {
    const { client, timers: alarms } = createTestClient({
      baseUrl: 'http://service.invalid',
      fires: () => true,
      now: () => NOW,
      retry: { maxAttempts: 2 },
      fetch: async () => new Response('busy', { status: 503, headers: { 'retry-after': retryAfter } }),
    });
    await getRejection(MetadataError, client.read());
    return alarms;
  }

  test.each(['Fri, 27 Nov 2026 08:49:37 GMT', 'Friday, 27-Nov-26 08:49:37 GMT', 'Fri Nov 27 08:49:37 2026'])(
    'is obeyed in the form %j, which RFC 9110 section 5.6.7 defines',
    async (date) => {
      expect(await pauseAfter(date)).toEqual([2000]);
    },
  );

  test.each([
    '5, 10',
    '-5',
    '+5',
    '5.5',
    '0x10',
    '5s',
    '2026-11-27T08:49:37Z',
    'Fri, 27 Nov 2026 08:49:37 +0000',
    'Sat, 27 Nov 2026 08:49:37 GMT',
    'Fri, 31 Nov 2026 08:49:37 GMT',
    'in a moment',
  ])(
    'in a form that HTTP does not define (%j) is ignored: the client waits by its own rule',
    async (text) => {
      expect(await pauseAfter(text)).toEqual([500]);
    },
  );

  test.each(['0', 'Fri, 27 Nov 2026 08:00:00 GMT'])(
    'at once (%j) is met with the shortest pause, never with none',
    async (text) => {
      expect(await pauseAfter(text)).toEqual([500]);
    },
  );

  test.each([Number.POSITIVE_INFINITY, Number.NaN, -1])(
    'in 300 years is handed on at once, also where %d seconds of waiting are allowed',
    async (maxWaitSeconds) => {
      const {
        client,
        timers: alarms,
        sent,
      } = createTestClient({
        baseUrl: 'http://service.invalid',
        fires: () => true,
        retry: { maxWaitSeconds },
        fetch: refusal('rate_limited', { retryAfterSeconds: 9_999_999_999 }),
      });
      const { retryAfterSeconds } = await getRejection(MetadataError, client.read());
      expect([retryAfterSeconds, alarms, sent.length]).toEqual([9_999_999_999, [], 1]);
    },
  );

  test('is met with pauses of an hour in all at most, however many attempts are allowed', async () => {
    const { client, timers: alarms } = createTestClient({
      baseUrl: 'http://service.invalid',
      fires: () => true,
      retry: { maxAttempts: Number.POSITIVE_INFINITY, maxWaitSeconds: Number.POSITIVE_INFINITY },
      fetch: async () => new Response('busy', { status: 503 }),
    });
    await getRejection(MetadataError, client.read());
    expect(alarms.slice(0, 3)).toEqual([500, 1000, 2000]);
    expect(alarms.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(3_600_000);
  });

  test('more often than allowed is handed on', async () => {
    const wait = refusal('rate_limited', { retryAfterSeconds: 1 });
    const { client, sent } = await openJane(wait, wait, wait);
    const error = await getRejection(MetadataError, client.read());
    expect(error).toMatchObject({ code: 'rate_limited', status: 429, retryAfterSeconds: 1 });
    expect(sent).toHaveLength(3);
  });

  test('later than allowed is handed on at once', async () => {
    const { client, timers: alarms } = await openJane(refusal('rate_limited', { retryAfterSeconds: 11 }));
    const { retryAfterSeconds } = await getRejection(MetadataError, client.read());
    expect([retryAfterSeconds, alarms]).toEqual([11, []]);
  });

  test('stops being waited for when the caller gives up', async () => {
    const jane = await person();
    const controller = new AbortController();
    const {
      client,
      timers: alarms,
      sent,
    } = createTestClient({
      baseUrl: service.url,
      getAccessToken: async () => jane.token,
      fetch: respondFirst(refusal('rate_limited', { retryAfterSeconds: 5 })),
      fires() {
        queueMicrotask(() => controller.abort('left the page'));
        return false;
      },
    });
    await expect(client.read({ signal: controller.signal })).rejects.toBe('left the page');
    await expect(client.read({ signal: controller.signal })).rejects.toBe('left the page');
    expect([alarms, sent.length]).toEqual([[5000], 1]);
  });
});

describe('no answer', () => {
  test('is tried again by a read, and not by a write, whose outcome is unknown', async () => {
    const jane = await person();
    let requests = 0;
    const url = await listen(
      createServer().on('connection', (socket) =>
        socket.once('data', () => {
          requests += 1;
          socket.destroy();
        }),
      ),
    );
    const { client } = createTestClient({
      baseUrl: url,
      getAccessToken: async () => jane.token,
      fires: () => true,
    });
    const read = await getRejection(MetadataError, client.read());
    expect(read).toMatchObject({ name: 'MetadataError', code: 'network_failed', status: 0 });
    expect(requests).toBe(3);
    const write = await getRejection(OutcomeUnknownError, client.patch({ theme: 'light' }));
    expect([write.code, isMetadataError(write), requests]).toEqual(['network_failed', true, 4]);
  });

  test('that is whole is none: what was stored is unknown', async () => {
    const url = await serve((_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      res.write('{"theme":', () => res.destroy());
    });
    const { client } = createTestClient({ baseUrl: url });
    const error = await getRejection(OutcomeUnknownError, client.patch({ theme: 'light' }));
    expect(error.code).toBe('network_failed');
  });
});

describe('a write whose outcome the service does not know', () => {
  test('is said to be so, and is not repeated', async () => {
    const { client, sent, jane } = await openJane();
    tenant.answerWith('change', { status: 503, body: {} });
    const error = await getRejection(OutcomeUnknownError, client.patch({ theme: 'light' }));
    expect(error).toMatchObject({ code: 'upstream_unavailable', status: 503, retryAfterSeconds: 1 });
    expect([sent.length, jane.user.patches.length]).toEqual([1, 1]);
  });

  test('is also one that timed out there', async () => {
    const { client, sent } = await openJane(refusal('upstream_timeout', { outcome: 'unknown' }));
    const error = await getRejection(OutcomeUnknownError, client.replaceKey('theme', 'x'));
    expect([error.code, error.status, sent.length]).toEqual(['upstream_timeout', 504, 1]);
  });
});

describe('an answer of an intermediary', () => {
  test.each([200, 502, 504])('(%s) is not taken for the service’s', async (status) => {
    const { client } = await openJane(page(status), page(status));
    const read = await getRejection(MetadataError, client.read());
    expect(read).toMatchObject({ name: 'MetadataError', code: 'invalid_response', status });
    await getRejection(OutcomeUnknownError, client.patch({ theme: 'light' }));
  });

  test.each([403, 412])('that refuses a write (%s) leaves no doubt about it', async (status) => {
    const { client } = await openJane(page(status));
    const error = await getRejection(MetadataError, client.patch({ theme: 'light' }, { ifMatch: '"x"' }));
    expect([error.name, error.code]).toEqual(['MetadataError', 'invalid_response']);
  });
});

/** An address that redirects to another origin, and what reached that origin. */
async function openRedirect(status: number) {
  const reached: string[] = [];
  const elsewhere = await serve((req, res) => {
    reached.push(`${req.method} ${req.url}`);
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  const url = await serve((req, res) => {
    res.writeHead(status, { location: `${elsewhere}${req.url}` }).end();
  });
  return { reached, ...createTestClient({ baseUrl: url, fires: () => true }) };
}

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    '(%d) is not followed by a read, and the error says so',
    async (status) => {
      const { client, reached, sent } = await openRedirect(status);
      const error = await getRejection(MetadataError, client.read());
      expect([error.code, error.status, sent.length, reached]).toEqual(['redirect_refused', 0, 1, []]);
    },
  );

  test.each([307, 308])(
    '(%d) is not followed by a write, whose body would go to another origin',
    async (status) => {
      const { client, reached, sent } = await openRedirect(status);
      const error = await getRejection(OutcomeUnknownError, client.patch({ theme: 'light' }));
      expect([error.code, sent.length, reached]).toEqual(['redirect_refused', 1, []]);
    },
  );

  test('is refused by every kind of request, in the same way', async () => {
    const modes: unknown[] = [];
    const { client } = createTestClient({
      baseUrl: 'http://service.invalid',
      fetch: async (_url, { redirect }) => {
        modes.push(redirect);
        return new Response('{}', { headers: { 'content-type': 'application/json' } });
      },
    });
    await client.read();
    await client.schema();
    await client.replace({});
    await client.patch({ a: 1 });
    await client.replaceKey('a', 1);
    await client.removeKey('a');
    await client.remove();
    await new Promise<void>((resolve) => {
      const stop = client.watch(() => undefined, {
        onError() {
          stop();
          resolve();
        },
      });
    });
    expect(modes).toEqual(Array.from({ length: 8 }, () => 'error'));
  });
});

describe('the token', () => {
  test('that is not taken is asked for anew, once', async () => {
    const jane = await person({ theme: 'dark' });
    const renewed = openWith('old', jane.token);
    await renewed.client.patch({ theme: 'light' });
    expect([renewed.asked, jane.user.stored]).toEqual([[false, true], { theme: 'light' }]);
    const refused = openWith('old', 'older', jane.token);
    expect(await getRejection(MetadataError, refused.client.read())).toMatchObject({ code: 'token_invalid' });
    expect(refused.asked).toEqual([false, true]);
  });

  test('that cannot be had is the reason why nothing is sent', async () => {
    const loginRequired = new TypeError('log in again');
    const { client, sent } = createTestClient({
      baseUrl: service.url,
      getAccessToken: () => Promise.reject(loginRequired),
    });
    await expect(client.patch({ theme: 'light' })).rejects.toBe(loginRequired);
    expect(sent).toEqual([]);
  });

  test('that lacks a scope is not asked for again', async () => {
    const jane = await person({}, { scope: 'read:metadata' });
    const { client, asked } = openWith(jane.token);
    expect(await getRejection(MetadataError, client.patch({ a: 1 }))).toMatchObject({
      code: 'scope_missing',
    });
    expect(asked).toEqual([false]);
  });

  test('can be added by the fetch that is passed in, whose own failures are not taken for the network’s', async () => {
    const jane = await person({ theme: 'dark' });
    const { client } = createTestClient({
      baseUrl: service.url,
      fetch: (url, init) => {
        const headers = new Headers(init.headers);
        expect(headers.has('authorization')).toBe(false);
        headers.set('authorization', `Bearer ${jane.token}`);
        return platformRuntime.fetch(url, { ...init, headers });
      },
    });
    expect((await client.read()).value).toEqual({ theme: 'dark' });
    const loginRequired = new Error('log in again');
    const loggedOut = createTestClient({ baseUrl: service.url, fetch: () => Promise.reject(loginRequired) });
    await expect(loggedOut.client.patch({ a: 1 })).rejects.toBe(loginRequired);
  });

  test('can be bound to a key, with a proof for each request by the fetch that is passed in', async () => {
    const device = await createSigningKey('device', 'ES256');
    const jkt = await calculateJwkThumbprint(device.jwk);
    const jane = await person({ theme: 'dark' }, { cnf: { jkt } });
    const { client, sent } = createTestClient({
      baseUrl: service.url,
      async fetch(url, init) {
        const ath = createHash('sha256').update(jane.token).digest('base64url');
        const proof = new SignJWT({ htm: init.method, htu: url, jti: randomUUID(), ath })
          .setIssuedAt()
          .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: device.jwk });
        const headers = new Headers(init.headers);
        headers.set('authorization', `DPoP ${jane.token}`);
        headers.set('dpop', await proof.sign(device.privateKey));
        return platformRuntime.fetch(url, { ...init, headers });
      },
    });
    await client.read();
    await client.replaceKey('theme', 'light');
    const told = new Promise((resolve) => {
      const stop = client.watch((change) => {
        stop();
        resolve(change.keys);
      });
    });
    expect([await told, sent.map(({ status }) => status)]).toEqual([['theme'], [200, 200, 200]]);
  });
});

const seconds = () => Math.floor(guarded.service.clock.now() / 1000);

/** A client whose user has the token that `login` replaces. */
async function openUser(document: Record<string, unknown>, firstTokens: readonly string[] = []) {
  const user = await guarded.person(document, { auth_time: seconds() - 1000, acr: 'pwd' });
  const asked: boolean[] = [];
  const left = [...firstTokens];
  let { token } = user;
  const fixture = createTestClient({
    baseUrl: guarded.service.url,
    fires: () => true,
    async getAccessToken({ forceRefresh }) {
      asked.push(forceRefresh);
      return left.shift() ?? token;
    },
  });
  const login = async () => {
    const claims = { ...decodeJwt(user.token), auth_time: seconds(), acr: 'mfa' };
    token = await mintToken({ claims });
  };
  return { ...fixture, user, asked, login };
}

describe('a write that needs a more recent or a stronger login', () => {
  type Write = (client: MetadataClient) => Promise<unknown>;
  const document = { theme: 'dark', payout: 'a', phone: '1', limit: 1 };

  test.each<[string, Write, number | undefined, string[]]>([
    ['a patch', (client) => client.patch({ payout: 'b' }), 300, []],
    ['a patch with a condition', (client) => client.patch({ payout: 'b' }, { ifMatch: 'latest' }), 300, []],
    ['a replacement', (client) => client.replace({ ...document, phone: '2' }), undefined, ['mfa', 'hw']],
    ['a removal', (client) => client.remove(), 60, ['mfa', 'hw']],
    ['the replacement of a key', (client) => client.replaceKey('limit', 2), 60, ['mfa', 'hw']],
    ['the removal of a key', (client) => client.removeKey('phone'), undefined, ['mfa', 'hw']],
  ])('(%s) says which, and is sent once with one token', async (_name, write, maxAge, acrValues) => {
    const { client, user, asked, sent } = await openUser(document);
    const error = await getRejection(StepUpRequiredError, write(client));
    expect(error).toBeInstanceOf(MetadataError);
    expect(error).toMatchObject({ name: 'StepUpRequiredError', code: 'step_up_required', status: 401 });
    expect([error.maxAge, error.acrValues]).toEqual([maxAge, acrValues]);
    expect(error.errors.length).toBeGreaterThan(0);
    expect([asked, sent.map(({ status }) => status)]).toEqual([[false], [401]]);
    expect(user.user.stored).toEqual(document);
  });

  test('is stored when it is sent again after the login', async () => {
    const { client, user, asked, login } = await openUser(document);
    await client.read();
    const edit = { theme: 'light', limit: 2 };
    await getRejection(StepUpRequiredError, client.patch(edit, { ifMatch: 'latest' }));
    await login();
    expect((await client.patch(edit, { ifMatch: 'latest' })).value).toEqual({ ...document, ...edit });
    expect([asked, user.user.stored]).toEqual([[false, false, false], { ...document, ...edit }]);
  });

  test('is known as such after a refused token, too, for which alone there is a new one', async () => {
    const { client, asked, sent } = await openUser(document, ['old']);
    await getRejection(StepUpRequiredError, client.patch({ payout: 'b' }));
    expect([asked, sent.length]).toEqual([[false, true], 2]);
  });

  test('has no other members than those of the documented types', async () => {
    const body = { code: 'step_up_required', max_age: '300', acr_values: ['mfa', 5, null] };
    const { client } = await openJane(async () => Response.json(body, { status: 401 }));
    const error = await getRejection(StepUpRequiredError, client.patch({ theme: 'light' }));
    expect([error.maxAge, error.acrValues]).toEqual([undefined, ['mfa']]);
  });
});
