/** What holds for every request, whatever its bytes, held against as many as one asks for. */
import { afterAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseObject } from '../support/json.ts';
import { openScene, type Person, type Scene } from '../support/scene.ts';
import { JWT_PART, LEAK } from '../support/sentinels.ts';
import { mintToken } from '../support/tokens.ts';
import { type OddRequest, oddRequest, type Tokens } from './odd-requests.ts';
import { createWire, type Wire, type WireAnswer } from './wire.ts';

const LANES = 8;
const REQUESTS_PER_LANE = 25;

const EVERYTHING =
  'read:metadata update:metadata read:client_metadata read:current_user update:current_user_metadata';

interface Lane {
  readonly wire: Wire;
  /** How many changes of this lane's user the tenant has got. */
  readonly changes: () => number;
  readonly tokens: Tokens;
  /** Of another user: what mangled bytes come to may be done after no caller waits for it any more. */
  readonly spare: Tokens;
}

async function tokensOf({ user, token }: Person): Promise<Tokens> {
  const powerless = await mintToken({ claims: { sub: user.id, scope: 'openid' } });
  const others = await Promise.all([
    mintToken({ claims: { sub: user.id, exp: 1 } }),
    mintToken({ claims: { sub: 'machine@clients' } }),
    mintToken({ claims: { sub: '../..', scope: EVERYTHING } }),
    mintToken({ claims: { sub: user.id, scope: { a: 1 } } }),
    mintToken({ claims: { sub: user.id, azp: ['x'], permissions: 7 } }),
  ]);
  return { good: token, powerless, others };
}

async function openLane({ person, service }: Scene): Promise<Lane> {
  const user = await person({ a: { b: 1 } }, { scope: EVERYTHING });
  const another = await person({ a: { b: 1 } }, { scope: EVERYTHING });
  const wire = createWire(service.port);
  afterAll(() => wire.close());
  return {
    wire,
    changes: () => user.user.patches.length,
    tokens: await tokensOf(user),
    spare: await tokensOf(another),
  };
}

const STACK = /\n\s+at |node_modules|\.[jt]s:\d|(?:Type|Range|Syntax|Reference)Error/;

/** What is wrong with an answer, or undefined. */
function faultOf({ status, fields, body }: WireAnswer, method: string): string | undefined {
  if (!(status >= 200 && status < 500)) return `status ${status}`;
  const everything = `${[...fields].join('\n')}\n${body}`;
  if (LEAK.test(everything) || JWT_PART.test(everything)) return 'shows a secret or a token';
  if (!fields.has('x-request-id')) return 'has no request id';
  if (status < 400) return undefined;
  if (STACK.test(everything)) return 'shows a stack';
  if (fields.get('cache-control') !== 'no-store') return 'may be stored';
  if (method === 'HEAD') return undefined;
  const document = parseObject(body);
  const dialect = fields.get('content-type') === 'application/problem+json' ? 'problem' : 'auth0';
  if (dialect === 'problem') {
    const { code, detail, request_id: id } = document;
    const named = document['type'] === `urn:metadata-bff:problem:${String(code)}`;
    const whole =
      document['status'] === status && typeof detail === 'string' && id === fields.get('x-request-id');
    return named && whole ? undefined : `no problem document: ${body}`;
  }
  const whole = document['statusCode'] === status && typeof document['message'] === 'string';
  return whole ? undefined : `no error of the Management API: ${body}`;
}

/** Sends each in turn. @throws Error that shows the request with which something was wrong. */
async function send(
  { wire, changes }: Lane,
  requests: readonly OddRequest[],
  seen: Set<number>,
): Promise<void> {
  for (const { bytes, method, framed } of requests) {
    const before = changes();
    const first = framed ? await wire.ask(bytes, method) : undefined;
    const answers = framed ? (first ? [first] : []) : await wire.pour(bytes, method);
    for (const { status } of answers) seen.add(status);
    const faults = answers.flatMap((answer) => faultOf(answer, method) ?? []);
    if (framed && !first) faults.push('no answer');
    if (framed && answers.every(({ status }) => status >= 400) && changes() > before)
      faults.push('refused, and done');
    if (faults.length > 0) throw new Error(`${faults.join('; ')}: ${JSON.stringify(bytes)}`);
  }
}

const isOfClients = (target: string): boolean => target.startsWith('/api/v2/clients/');

/** Defines the tests of a file, which send this many requests. */
export async function testOddRequests(count: number): Promise<void> {
  // Limits for each user would refuse nearly all of them, and hide what else might happen.
  const scene = await openScene({
    env: {
      AUTH0_COMPAT: 'true',
      USER_READS_PER_MINUTE: '100000',
      USER_WRITES_PER_MINUTE: '100000',
      AUTH_FAILURES_PER_MINUTE: '0',
    },
  });
  const { person, service, tenant } = scene;
  const lanes = await Promise.all(Array.from({ length: LANES }, () => openLane(scene)));

  test(
    `${count} odd requests: no 500, no secret, nothing done that is refused`,
    async () => {
      const seen = new Set<number>();
      const plans = lanes.map(({ tokens, spare }) =>
        fc.array(oddRequest(tokens, spare), { minLength: REQUESTS_PER_LANE, maxLength: REQUESTS_PER_LANE }),
      );
      // A failure names the seed and the path that lead to it.
      await fc.assert(
        fc.asyncProperty(fc.tuple(...plans), async (requests) => {
          await Promise.all(lanes.map((lane, index) => send(lane, requests[index] ?? [], seen)));
        }),
        { numRuns: Math.ceil(count / (LANES * REQUESTS_PER_LANE)), endOnFailure: true },
      );
      // The requests reach every common kind of answer. A few thousand can miss a rare one.
      const rare = count >= 10_000 ? [415, 422] : [];
      expect([...seen]).toEqual(expect.arrayContaining([200, 204, 400, 401, 403, 404, 405, ...rare]));
      expect(service.logLines.filter((line) => /"code":"internal"|crashed/.test(line))).toEqual([]);
      expect(service.logLines.filter((line) => LEAK.test(line) || JWT_PART.test(line))).toEqual([]);
    },
    120_000 + 20 * count,
  );

  test('a plain request is then served as ever', async () => {
    const jane = await person({ a: 1 });
    expect(await (await jane.ask('PATCH', '', { json: { b: 2 } })).json()).toEqual({ a: 1, b: 2 });
    expect((await jane.ask('GET')).status).toBe(200);
    expect(jane.user.patches).toEqual([{ b: 2 }]);
    // Of what this tenant does not know, only the settings of the application can be asked for.
    const unknown = tenant.calls.filter(({ route, target }) => route === 'unknown' && !isOfClients(target));
    expect(unknown).toEqual([]);
  });
}
