/**
 * Plain requests to a tenant for tests: JSON in, status and JSON out.
 */

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  // Objects and arrays alike; tests look into them by key.
  readonly body: Record<string, unknown>;
}

/** Sends a request and reads the answer as JSON; an empty answer is an empty object. */
export async function requestJson(address: string, init: RequestInit = {}): Promise<JsonAnswer> {
  const response = await fetch(address, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

export function postJson(address: string, body: unknown): Promise<JsonAnswer> {
  return sendJson('POST', address, body);
}

export function putJson(address: string, body: unknown): Promise<JsonAnswer> {
  return sendJson('PUT', address, body);
}

/** Sends `body` as JSON, or as it is when it is a string. */
export function sendJson(
  method: string,
  address: string,
  body: unknown,
  token?: string,
): Promise<JsonAnswer> {
  return requestJson(address, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** A client credentials token; throws when it is refused. */
export async function fetchMachineToken(
  url: string,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...parameters });
  const answer = await requestJson(`${url}/oauth/token`, { method: 'POST', body });
  if (answer.status !== 200) throw new Error(`no machine token: ${JSON.stringify(answer.body)}`);
  return String(answer.body['access_token']);
}
