/** Requests that `fetch` would not send, or would tidy up first. */
import { type IncomingMessage, type OutgoingHttpHeaders, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RawRequest {
  readonly method?: string;
  /** Goes out byte for byte. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Written one after another; the last ends the request. */
  readonly chunks?: ReadonlyArray<string | Uint8Array>;
}

/** A request with its path and header fields exactly as given. */
export async function sendRaw(
  port: number,
  { method = 'GET', path, headers = {}, chunks = [] }: RawRequest,
): Promise<Response> {
  const req = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false });
  const res = await new Promise<IncomingMessage>((resolve, reject) => {
    req.once('response', resolve).once('error', reject);
    for (const chunk of chunks) req.write(chunk);
    req.end();
  });
  const fields = Object.entries(res.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  return toResponse(res.statusCode ?? 0, fields, await text(res));
}

/** Writes bytes to the server and answers whatever comes back until the connection ends. */
export async function exchangeBytes(port: number, bytes: string): Promise<Response> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  const answer = await text(socket);
  const [head = '', ...body] = answer.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const [name = '', ...value] = line.split(': ');
    return [name, value.join(': ')];
  });
  return toResponse(Number(statusLine.split(' ')[1]), fields, body.join('\r\n\r\n'));
}

/** Sends the beginning of a request and goes away. Resolves when the connection is gone. */
export async function sendAndLeave(port: number, bytes: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.write(bytes, () => socket.destroy());
  });
}

function toResponse(status: number, fields: Array<[string, string]>, body: string): Response {
  const bodiless = status === 204 || status === 304;
  return new Response(bodiless ? null : body, { status, headers: fields });
}
