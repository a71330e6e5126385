/** JSON Patch requests, and how they are refused. */
import { parseObject } from '../../support/json.ts';
import { expectProblem } from '../../support/problem.ts';
import type { Person } from '../../support/scene.ts';

export const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

/** Sends operations, or a body as it stands. */
export function patch(
  who: Person,
  operations: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const body = typeof operations === 'string' ? operations : JSON.stringify(operations);
  return who.ask('PATCH', '', { body, headers: { ...JSON_PATCH, ...headers } });
}

/** Why a patch is refused, by the pointers of what is wrong, and how many changes were sent all the same. */
export interface Refusal {
  readonly status: number;
  readonly code: unknown;
  readonly pointers: readonly unknown[];
  readonly sent: number;
}

const refusal =
  (status: number, code: string) =>
  (...pointers: string[]): Refusal => ({ status, code, pointers, sent: 0 });

export const notApplicable = refusal(422, 'patch_not_applicable');
export const testFailed = refusal(409, 'patch_test_failed');
export const notStorable = refusal(422, 'metadata_invalid');
export const tooLarge = refusal(413, 'metadata_too_large');

/** How the patch is refused; the answer must be a problem document in every detail. */
export async function refusalOf(who: Person, operations: unknown): Promise<Refusal> {
  const response = await patch(who, operations);
  const { status } = response;
  const { code, errors } = parseObject(await response.clone().text());
  const faults: ReadonlyArray<{ readonly pointer: string }> = Array.isArray(errors) ? errors : [];
  if (typeof code === 'string') {
    await expectProblem(
      response,
      status,
      code,
      Array.isArray(errors) ? { errors: faults.map(({ pointer }) => ({ pointer })) } : {},
    );
  }
  return { status, code, pointers: faults.map(({ pointer }) => pointer), sent: who.user.patches.length };
}
