/** What a log may say of an error. */
import { AppError } from './app-error.ts';

/** An error whose message is made of our own words and codes only, so that a log may print it. */
export class SafeError extends Error {
  override name = 'SafeError';
}

const DEPTH_MAX = 5;

/**
 * What a log may say of an error and its causes: the message where it is known to be safe, the code of an expected
 * failure, else only the name and where it was thrown. Messages of other errors may quote a body, an address or a
 * token, and that of an expected one may name what its caller sent.
 */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const cause =
    error.cause === undefined || depth === DEPTH_MAX ? {} : { cause: describeError(error.cause, depth + 1) };
  if (error instanceof SafeError) return { name: error.name, message: error.message, ...cause };
  if (error instanceof AppError) return { name: error.name, code: error.code, ...cause };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { name: error.name, at: frames.slice(0, 8).map((line) => line.trim()), ...cause };
}
