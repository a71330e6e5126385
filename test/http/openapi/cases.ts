/** What a caller with every scope is answered, resource by resource. */
import type { ContractAsk } from './contract.ts';

export const JSON_TYPE = { 'content-type': 'application/json' };
const JSON_PATCH_TYPE = { 'content-type': 'application/json-patch+json' };

export type Case = readonly [status: number, method: string, template: string, ask?: ContractAsk];

/** `{id}` stands for the caller’s own id. */
export const CASES: readonly Case[] = [
  [200, 'GET', '/me/metadata'],
  [200, 'HEAD', '/me/metadata'],
  [
    200,
    'GET',
    '/me/metadata',
    { path: '/me/metadata?fields=theme', headers: { 'cache-control': 'no-cache' } },
  ],
  [304, 'GET', '/me/metadata', { headers: { 'if-none-match': '*' } }],
  [400, 'GET', '/me/metadata', { path: '/me/metadata?include_fields=maybe' }],
  [400, 'GET', '/me/metadata', { path: '/me/metadata?access_token=a' }],
  [406, 'GET', '/me/metadata', { headers: { accept: 'text/html' } }],
  [200, 'PUT', '/me/metadata', { headers: JSON_TYPE, body: '{"theme":"light","since":"2020"}' }],
  [204, 'PUT', '/me/metadata', { headers: { ...JSON_TYPE, prefer: 'return=minimal' }, body: '{"a":1}' }],
  [400, 'PUT', '/me/metadata', { headers: JSON_TYPE }],
  [400, 'PUT', '/me/metadata', { headers: JSON_TYPE, body: '{' }],
  [400, 'PUT', '/me/metadata', { headers: { ...JSON_TYPE, 'if-match': 'unquoted' }, body: '{}' }],
  [403, 'PUT', '/me/metadata', { headers: JSON_TYPE, body: '{"since":"1999"}' }],
  [412, 'PUT', '/me/metadata', { headers: { ...JSON_TYPE, 'if-match': '"other"' }, body: '{}' }],
  [413, 'PUT', '/me/metadata', { headers: JSON_TYPE, body: JSON.stringify({ a: 'x'.repeat(9000) }) }],
  [413, 'PUT', '/me/metadata', { headers: JSON_TYPE, body: JSON.stringify({ a: 'x'.repeat(200_000) }) }],
  [415, 'PUT', '/me/metadata', { headers: { 'content-type': 'text/plain' }, body: '{}' }],
  [422, 'PUT', '/me/metadata', { headers: JSON_TYPE, body: '{"theme":"blue","a.b":null}' }],
  [200, 'PATCH', '/me/metadata', { headers: JSON_TYPE, body: '{"theme":null}' }],
  [204, 'PATCH', '/me/metadata', { headers: { ...JSON_TYPE, prefer: 'return=minimal' }, body: '{"a":1}' }],
  [200, 'PATCH', '/me/metadata', { headers: JSON_PATCH_TYPE, body: '[{"op":"add","path":"/a","value":1}]' }],
  [409, 'PATCH', '/me/metadata', { headers: JSON_PATCH_TYPE, body: '[{"op":"test","path":"/a","value":1}]' }],
  [415, 'PATCH', '/me/metadata', { headers: { 'content-type': 'text/plain' }, body: '{}' }],
  [422, 'PATCH', '/me/metadata', { headers: JSON_PATCH_TYPE, body: '[{"op":"add"}]' }],
  [422, 'PATCH', '/me/metadata', { headers: JSON_TYPE, body: '{"theme":"blue"}' }],
  [204, 'DELETE', '/me/metadata'],
  [412, 'DELETE', '/me/metadata', { headers: { 'if-match': '"other"' } }],
  [200, 'GET', '/me/metadata/{key}', { path: '/me/metadata/theme' }],
  [304, 'GET', '/me/metadata/{key}', { path: '/me/metadata/theme', headers: { 'if-none-match': '*' } }],
  [404, 'GET', '/me/metadata/{key}', { path: '/me/metadata/missing' }],
  [400, 'GET', '/me/metadata/{key}', { path: '/me/metadata/%' }],
  [200, 'PUT', '/me/metadata/{key}', { path: '/me/metadata/a', headers: JSON_TYPE, body: '[1,null]' }],
  [
    204,
    'PUT',
    '/me/metadata/{key}',
    { path: '/me/metadata/a', headers: { ...JSON_TYPE, prefer: 'return=minimal' }, body: '1' },
  ],
  [
    412,
    'PUT',
    '/me/metadata/{key}',
    { path: '/me/metadata/theme', headers: { ...JSON_TYPE, 'if-none-match': '*' }, body: '1' },
  ],
  [422, 'PUT', '/me/metadata/{key}', { path: '/me/metadata/a.b', headers: JSON_TYPE, body: 'null' }],
  [204, 'DELETE', '/me/metadata/{key}', { path: '/me/metadata/theme' }],
  [403, 'DELETE', '/me/metadata/{key}', { path: '/me/metadata/since' }],
  [200, 'GET', '/me'],
  [200, 'GET', '/me', { path: '/me?download=1&fields=sub,user_metadata' }],
  [304, 'GET', '/me', { headers: { 'if-none-match': '*' } }],
  [400, 'GET', '/me', { path: '/me?fields=a&fields=b' }],
  [200, 'HEAD', '/me/events'],
  [406, 'GET', '/me/events', { headers: { accept: 'application/json' } }],
  [200, 'GET', '/me/policy'],
  [304, 'GET', '/me/policy', { headers: { 'if-none-match': '*' } }],
  [200, 'GET', '/me/app-metadata'],
  [304, 'GET', '/me/app-metadata', { headers: { 'if-none-match': '*' } }],
  [200, 'GET', '/client/metadata'],
  [304, 'GET', '/client/metadata', { headers: { 'if-none-match': '*' } }],
  [200, 'GET', '/api/v2/users/{id}'],
  [304, 'GET', '/api/v2/users/{id}', { headers: { 'if-none-match': '*' } }],
  [200, 'GET', '/api/v2/users/{id}', { path: '/api/v2/users/{id}?fields=user_id' }],
  [400, 'GET', '/api/v2/users/{id}', { path: '/api/v2/users/{id}?include_fields=no' }],
  [403, 'GET', '/api/v2/users/{id}', { path: '/api/v2/users/auth0%7Canother' }],
  [200, 'PATCH', '/api/v2/users/{id}', { headers: JSON_TYPE, body: '{"user_metadata":{"a":{"b":1}}}' }],
  [400, 'PATCH', '/api/v2/users/{id}', { headers: JSON_TYPE, body: '{"user_metadata":{}}' }],
  [400, 'PATCH', '/api/v2/users/{id}', { headers: JSON_TYPE, body: '{"user_metadata":{"theme":"blue"}}' }],
  [400, 'PATCH', '/api/v2/users/{id}', { headers: JSON_TYPE }],
  [403, 'PATCH', '/api/v2/users/{id}', { headers: JSON_TYPE, body: '{"user_metadata":{"a":1},"email":"e"}' }],
  [
    412,
    'PATCH',
    '/api/v2/users/{id}',
    { headers: { ...JSON_TYPE, 'if-match': '"other"' }, body: '{"user_metadata":{"a":1}}' },
  ],
  [415, 'PATCH', '/api/v2/users/{id}', { headers: { 'content-type': 'text/plain' }, body: '{}' }],
  [
    413,
    'PATCH',
    '/api/v2/users/{id}',
    { headers: JSON_TYPE, body: JSON.stringify({ user_metadata: { a: 'x'.repeat(9000) } }) },
  ],
];

/** The request in one line that a person can read. */
export function titled(cases: readonly Case[]) {
  return cases.map((each) => {
    const [status, method, template, { path = template, headers = {}, body = '' } = {}] = each;
    const title = [method, path, ...Object.values(headers), body.slice(0, 60), 'is', status].join(' ');
    return [title, each] as const;
  });
}
