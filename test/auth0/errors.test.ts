import { describe, expect, test } from '@jest/globals';
import { readResetMs, readRetryAfterSeconds } from '../../src/auth0/errors.ts';

const NOW = Date.UTC(2026, 0, 1);
const at = (headers: Readonly<Record<string, string>>) => ({
  status: 429,
  headers: new Map(Object.entries(headers)),
  text: '',
});
const date = new Date(NOW - 300_000).toUTCString();
const reset = String((NOW - 300_000) / 1000 + 5);

describe('the time after which the tenant may be asked again', () => {
  test.each([
    ['seconds of Retry-After', { 'retry-after': '7', 'x-ratelimit-reset': reset }, 7_000],
    [
      'a date of Retry-After, compared with Date',
      { 'retry-after': new Date(NOW - 290_000).toUTCString(), date },
      10_000,
    ],
    [
      'x-ratelimit-reset compared with Date, though our own clock is five minutes ahead',
      { 'x-ratelimit-reset': reset, date },
      5_000,
    ],
    [
      'x-ratelimit-reset compared with our own clock where there is no Date',
      { 'x-ratelimit-reset': String(NOW / 1000 + 9) },
      9_000,
    ],
    ['nothing negative', { 'x-ratelimit-reset': String(NOW / 1000 - 9) }, 0],
    ['nothing of what is no time', { 'retry-after': '5, 10' }, undefined],
  ])('is %s', (_what, headers, expected) => {
    expect(readResetMs(at(headers), NOW)).toBe(expected);
  });

  test('is a second at least, and five minutes at most', () => {
    expect(readRetryAfterSeconds(at({}), NOW)).toBe(1);
    expect(readRetryAfterSeconds(at({ 'retry-after': '999999999' }), NOW)).toBe(300);
  });
});
