/** Writes of one user that arrive, one after another, while an earlier one is still under way. */
import type { Person, Scene } from '../../support/scene.ts';

export type Send = () => Promise<Response>;

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

export const patch =
  (who: Person, json: unknown, headers: Readonly<Record<string, string>> = {}): Send =>
  () =>
    who.ask('PATCH', '', { json, headers });
export const jsonPatch = (who: Person, operations: unknown): Send => patch(who, operations, JSON_PATCH);
export const putKey =
  (who: Person, key: string, json: unknown): Send =>
  () =>
    who.ask('PUT', `/${key}`, { json });

/**
 * Sends them so that they become one group: behind a write that changes nothing, whose read of the tenant
 * is held back. Two whole requests of another user follow each, so that it has arrived before the next.
 */
export async function writeTogether(
  { tenant, person }: Scene,
  who: Person,
  sends: readonly Send[],
): Promise<readonly Response[]> {
  const bystander = await person({});
  await bystander.ask('GET');
  const gate = tenant.hold('read');
  const leading = who.ask('PATCH', '', { json: {} });
  await gate.arrived;
  const answers: Array<Promise<Response>> = [];
  for (const send of sends) {
    answers.push(send());
    await bystander.ask('GET');
    await bystander.ask('GET');
  }
  gate.open();
  await leading;
  return Promise.all(answers);
}

export const statuses = (responses: readonly Response[]): number[] => responses.map(({ status }) => status);
