/** Every way to turn one document into another over HTTP, so that a rule can be held against all of them. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/lib/json.ts';
import type { Ask, Person } from '../../support/scene.ts';

export interface Way {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly ask: Ask;
}

/** All requests that ask for `after` where `before` is stored; a key alone only where one key differs. */
export function waysFrom(before: JsonObject, after: JsonObject): readonly Way[] {
  const merge = difference(before, after);
  const changed = Object.keys(merge);
  const operations = changed.map((key) =>
    Object.hasOwn(after, key)
      ? { op: 'add', path: `/${key}`, value: after[key] }
      : { op: 'remove', path: `/${key}` },
  );
  const [key = ''] = changed;
  const only: Way[] = Object.hasOwn(after, key)
    ? [{ name: 'PUT of the key', method: 'PUT', path: `/${key}`, ask: { json: after[key] } }]
    : [{ name: 'DELETE of the key', method: 'DELETE', path: `/${key}`, ask: {} }];
  return [
    { name: 'PATCH', method: 'PATCH', path: '', ask: { json: merge } },
    {
      name: 'JSON Patch',
      method: 'PATCH',
      path: '',
      ask: { json: operations, headers: { 'content-type': 'application/json-patch+json' } },
    },
    { name: 'PUT', method: 'PUT', path: '', ask: { json: after } },
    ...(changed.length === 1 ? only : []),
  ];
}

export function send(who: Person, { method, path, ask }: Way): Promise<Response> {
  return who.ask(method, path, ask);
}

/** The merge patch (RFC 7396) from one document to another. */
function difference(before: JsonObject, after: JsonObject): JsonObject {
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const changed = Object.entries(after).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]),
  );
  return Object.fromEntries([
    ...removed.map((key): [string, JsonValue] => [key, null]),
    ...changed.map(([key, value]): [string, JsonValue] => [key, step(before[key], value)]),
  ]);
}

function step(before: JsonValue | undefined, after: JsonValue): JsonValue {
  return isJsonObject(before) && isJsonObject(after) ? difference(before, after) : after;
}
