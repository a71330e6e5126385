/** What a promise or a call failed with, for tests that look at more of an error than its message. */
import { AppError } from '../../src/lib/app-error.ts';

/** The AppError that `promise` rejects with. Any other outcome fails the test. */
export async function appErrorOf(promise: Promise<unknown>): Promise<AppError> {
  const outcome = await promise.then(
    () => 'resolved',
    (error: unknown) => error,
  );
  if (outcome instanceof AppError) return outcome;
  throw new Error('expected a rejection with an AppError', { cause: outcome });
}

/** The AppError that `call` throws. Any other outcome fails the test. */
export async function appErrorThrownBy(call: () => unknown): Promise<AppError> {
  return appErrorOf(Promise.resolve().then(call));
}
