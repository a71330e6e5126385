/** What the suites about limits read from answers. */
import { expect } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';

interface Left {
  readonly name: string;
  readonly remaining: number;
}

/** What `RateLimit` says is left, and of which limit; `RateLimit-Policy` must speak of the same. */
export function leftIn({ headers }: Response, quota: number): Left {
  const [, name = '', remaining, seconds] =
    /^"([a-z-]+)";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? [];
  expect(headers.get('ratelimit-policy')).toBe(`"${name}";q=${quota};w=60`);
  expect(Number(seconds)).toBeGreaterThan(0);
  expect(Number(seconds)).toBeLessThanOrEqual(60);
  return { name, remaining: Number(remaining) };
}

/** Asserts a refusal by this limit, with a time to come back. */
export async function expectLimited(response: Response, name: string, quota: number): Promise<void> {
  expect(leftIn(response, quota)).toEqual({ name, remaining: 0 });
  const seconds = Number(response.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
  await expectProblem(response, 429, 'rate_limited');
}
