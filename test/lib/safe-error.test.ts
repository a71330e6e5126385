import { expect, test } from '@jest/globals';
import { AppError, describeError, SafeError } from '../../src/lib/app-error.ts';

test('a log is told the code of an expected failure, and no word that could be its caller’s', () => {
  const cause = new SafeError('of our own words');
  const described = describeError(new AppError('key_read_only', 'LEAK', { cause }));
  expect(described).toEqual({
    name: 'AppError',
    code: 'key_read_only',
    cause: { name: 'SafeError', message: 'of our own words' },
  });
});

test('of any other error it is told the name and the place', () => {
  const described = describeError(new TypeError('LEAK'));
  expect(described).toEqual({ name: 'TypeError', at: expect.any(Array) });
  expect(described['at']).not.toHaveLength(0);
});
