/**
 * Reads the parameters of token and revocation requests, which Auth0 takes as a form or as JSON, and writes them out
 * again as the form that oidc-provider insists on.
 */
import { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { OAuthError } from './auth0-errors.ts';

const BODY_BYTES_MAX = 64 * 1024;
const jsonParameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable());

/** The parameters of the request, or 400 `invalid_request`. */
export async function readParameters(request: IncomingMessage): Promise<Record<string, string>> {
  const body = await readBody(request);
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return fromJson(body);
  return Object.fromEntries(new URLSearchParams(body));
}

/** A request like `request` for `url`, whose body is still to be read and is `parameters` as a form. */
export function replayAsForm(
  request: IncomingMessage,
  url: string,
  parameters: Readonly<Record<string, string>>,
): IncomingMessage {
  const form = Buffer.from(new URLSearchParams(parameters).toString());
  const replay = new IncomingMessage(request.socket);
  replay.method = 'POST';
  replay.url = url;
  replay.httpVersion = request.httpVersion;
  replay.headers = {
    ...request.headers,
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(form.length),
  };
  delete replay.headers['transfer-encoding'];
  replay.push(form);
  replay.push(null);
  // An incomplete message takes its socket down with it when it is destroyed.
  replay.complete = true;
  return replay;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new OAuthError(413, 'invalid_request', 'The request body is too large');
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString();
}

function fromJson(body: string): Record<string, string> {
  const parsed = jsonParameters.safeParse(parseJson(body));
  if (!parsed.success) throw new OAuthError(400, 'invalid_request', 'Invalid request payload JSON format');
  const given = Object.entries(parsed.data).filter(([, value]) => value !== null);
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
