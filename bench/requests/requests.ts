/** The bytes of requests, with the header fields that a browser sends for a page of another origin. */

export const ORIGIN = 'https://app.example.com';
export const PATH = '/me/metadata';

const BROWSER = [
  'Host: metadata.example.com',
  'Connection: keep-alive',
  'Accept: application/json',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: de-CH,de;q=0.9,en;q=0.8',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
  `Origin: ${ORIGIN}`,
  `Referer: ${ORIGIN}/`,
  'Sec-Fetch-Dest: empty',
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Site: same-site',
].join('\r\n');

/** @param fields more header fields, each as a line. */
export function getRequest(token: string, path = PATH, fields: readonly string[] = []): string {
  const lines = [`GET ${path} HTTP/1.1`, BROWSER, `Authorization: Bearer ${token}`, ...fields];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** A merge patch. */
export function patchRequest(token: string, patch: object): string {
  const body = JSON.stringify(patch);
  const lines = [
    `PATCH ${PATH} HTTP/1.1`,
    BROWSER,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/merge-patch+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** What the service asks of the tenant, asked without it. */
export function tenantRequest(method: 'GET' | 'PATCH', change?: object): string {
  const body = change === undefined ? '' : JSON.stringify(change);
  const lines = [
    `${method} /api/v2/users/auth0%7Cjane HTTP/1.1`,
    'Host: tenant.example',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** The same token with another signature, of the same length and well-formed. */
export function forged(token: string): string {
  const at = token.lastIndexOf('.') + 20;
  const other = token[at] === 'A' ? 'B' : 'A';
  return `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
}
