/**
 * The tenant as cheap as it can be, so that what is measured is not it: keys, a machine token, and the two
 * operations on users. It answers changes and forgets them, so that every round finds what the first one found.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { DOCUMENT, HOST, PORT } from './settings.ts';

const JWKS = process.env['JWKS'] ?? '';
const TOKEN = JSON.stringify({ access_token: 'of-the-machine', expires_in: 86_400, token_type: 'Bearer' });
const initial: object = JSON.parse(DOCUMENT);

function userOf(url: string): string {
  return decodeURIComponent(/^\/api\/v2\/users\/([^/?]+)/.exec(url)?.[1] ?? '');
}

/** First level only, as Auth0 merges. */
function merged(body: string): object {
  const change: { readonly user_metadata: object } = JSON.parse(body);
  return { ...initial, ...change.user_metadata };
}

function profileOf(userId: string, user_metadata: object): string {
  return JSON.stringify({ user_id: userId, updated_at: '2026-01-02T03:04:05.678Z', user_metadata });
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { url = '', method } = req;
  const body = await text(req);
  if (url === '/.well-known/jwks.json') return send(res, JWKS);
  if (url === '/oauth/token') return send(res, TOKEN);
  const userId = userOf(url);
  return send(res, profileOf(userId, method === 'PATCH' ? merged(body) : initial));
}

function send(res: ServerResponse, body: string): void {
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  res.writeHead(200, headers).end(body);
}

createServer((req, res) => void answer(req, res)).listen(PORT, HOST);
