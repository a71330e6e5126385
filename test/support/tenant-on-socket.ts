/** Puts a tenant behind a real server on the loopback, for what only sockets can do to a client. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll } from '@jest/globals';
import { createTenant, type Tenant, type TenantAnswer } from './tenant.ts';

export interface SocketTenant {
  readonly tenant: Tenant;
  /** Without a trailing slash. */
  readonly url: string;
  /** From now on connections are refused. */
  close(): Promise<void>;
}

const DRIP_INTERVAL_MS = 40;

export async function serveTenant(): Promise<SocketTenant> {
  const server = createServer((req, res) => {
    void answer(req, res);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const url = `http://127.0.0.1:${port}`;
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
  return { tenant, url, close };
}

function play({ status, headers = {}, body = '', fault }: TenantAnswer, res: ServerResponse): void {
  if (fault === 'silence') return;
  if (fault === 'reset') {
    res.socket?.resetAndDestroy();
    return;
  }
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    connection: 'close',
    ...headers,
  });
  if (fault === 'cut') {
    res.write(bytes.subarray(0, bytes.length / 2), () => res.destroy());
    return;
  }
  if (fault === 'drip') drip(bytes, res);
  else res.end(bytes);
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
