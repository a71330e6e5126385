/** The one way in which tests look at a refusal. */
import { expect } from '@jest/globals';
import { JWT_PART, LEAK } from './sentinels.ts';

/** What must stand nowhere in a refusal: stacks, addresses of the tenant, system errors, secrets, tokens. */
const FORBIDDEN = [
  LEAK,
  JWT_PART,
  /\bat .*:\d+:\d+/,
  /node_modules|\.[jt]s:\d/,
  /auth0\.com|\/api\/v2|oauth\/token|jwks\.json/,
  /ECONN|ENOTFOUND|ETIMEDOUT|axios|SyntaxError|Unexpected token|JSON\.parse/i,
];

interface ExpectedFault {
  readonly pointer: string;
  readonly code?: string;
  /** What the rule asks for; not looked at where it is left out. */
  readonly params?: unknown;
}

export interface ProblemMembers {
  /** Each fault in order; `detail` is asserted to be there. */
  readonly errors?: readonly ExpectedFault[];
  readonly [member: string]: unknown;
}

/**
 * Asserts the whole problem document: status, header fields, and every member; `more` are the members
 * beside the usual ones, and no others may be there.
 */
export async function expectProblem(
  response: Response,
  status: number,
  code: string,
  { errors, ...more }: ProblemMembers = {},
): Promise<void> {
  const text = await response.text();
  const seen = { status: response.status, body: parsed(text) };
  const requestId = response.headers.get('x-request-id');
  expect(seen).toEqual({
    status,
    body: {
      type: `urn:metadata-bff:problem:${code}`,
      title: expect.stringMatching(/^[A-Z]/),
      status,
      detail: expect.stringMatching(/^\S.*\.$/),
      code,
      request_id: requestId,
      ...(errors === undefined ? {} : { errors: errors.map(faultMatcher) }),
      ...more,
    },
  });
  for (const fault of faultsIn(seen.body)) {
    expect(Object.keys(fault).filter((name) => name !== 'params')).toEqual(['pointer', 'code', 'detail']);
  }
  expect(requestId).toMatch(/^[\w-]{8,64}$/);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expectNothingLeaked(response, text);
}

export function expectNothingLeaked(response: Response, text: string): void {
  const everything = [text, ...[...response.headers].map(([name, value]) => `${name}: ${value}`)].join('\n');
  for (const pattern of FORBIDDEN) expect(everything).not.toMatch(pattern);
}

function faultMatcher({ pointer, code, params }: ExpectedFault): unknown {
  return expect.objectContaining({
    pointer,
    code: code ?? expect.stringMatching(/^[a-z_]+$/),
    detail: expect.stringMatching(/\S/),
    ...(params === undefined ? {} : { params }),
  });
}

function faultsIn(body: unknown): readonly object[] {
  if (typeof body !== 'object' || body === null || !('errors' in body)) return [];
  return Array.isArray(body.errors) ? body.errors : [];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
