/** Puts a tenant behind a real server on the loopback, with every fault that only a socket can have. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { afterAll } from '@jest/globals';
import { createTenant, type Tenant, type TenantAnswer } from './tenant.ts';

export interface SocketTenant {
  readonly tenant: Tenant;
  /** Without a trailing slash. */
  readonly url: string;
  /** With TLS: the name that each connection asked for (SNI). */
  readonly serverNames: readonly unknown[];
  /** From now on connections are refused. */
  close(): Promise<void>;
}

const DRIP_INTERVAL_MS = 40;

/** @param tls where the tenant is to speak TLS, as `localhost`. */
export async function serveTenant(tls?: SecureContextOptions): Promise<SocketTenant> {
  const listener: RequestListener = (req, res) => {
    void answer(req, res);
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  // A connection that closes while a request is on its way would be an outcome that no test asked for.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const url = tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  const tenant = createTenant(`${url}/`);

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = '', url: target = '', headers } = req;
    play(await tenant.handle({ method, target, headers, body: await text(req) }), res);
  }

  async function close(): Promise<void> {
    const closed = new Promise((resolve) => {
      server.close(resolve);
    });
    server.closeAllConnections();
    await closed;
  }
  afterAll(close);
  const serverNames: unknown[] = [];
  server.on('secureConnection', (socket: TLSSocket) => serverNames.push(socket.servername));
  return { tenant, url, serverNames, close };
}

function play({ status, headers = {}, body = '', fault }: TenantAnswer, res: ServerResponse): void {
  if (fault === 'silence') return;
  if (fault === 'reset') {
    res.socket?.resetAndDestroy();
    return;
  }
  const content = typeof body === 'string' ? body : JSON.stringify(body);
  const bytes = Buffer.from(content);
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    // What is cut short is not to be taken for the beginning of the next answer.
    ...(fault === undefined ? {} : { connection: 'close' }),
    ...headers,
  });
  if (fault === 'cut') {
    res.write(bytes.subarray(0, bytes.length / 2), () => res.destroy());
    return;
  }
  if (fault === 'drip') drip(bytes, res);
  // Tests count the buffers that the service sends.
  else res.end(content);
}

/** One byte after another: never silent for long, and never done. */
function drip(bytes: Buffer, res: ServerResponse): void {
  let sent = 0;
  const timer = setInterval(() => {
    res.write(bytes.subarray(sent, sent + 1));
    sent += 1;
  }, DRIP_INTERVAL_MS);
  res.once('close', () => clearInterval(timer));
}
