/** Replicas behind a proxy, and a client that reaches them by the name of the site. */
import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { startTenant } from '../../packages/local-tenant/src/tenant.ts';
import { freePort } from '../support/free-port.ts';
import { parseObject } from '../support/json.ts';
import { type Replica, startReplica } from '../support/replica.ts';
import { SITE, type StartProxy } from './proxies.ts';

export interface Ask {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** The name in the TLS handshake. */
  readonly name?: string;
  /** The address that the request comes from. */
  readonly from?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Stream {
  /** Resolves when the pattern is in what was received so far. @throws Error when the stream ends before. */
  received(pattern: RegExp): Promise<void>;
  readonly ended: Promise<void>;
  close(): void;
}

export interface Site {
  ask(path: string, ask?: Ask): Promise<Answer>;
  openStream(path: string, headers: OutgoingHttpHeaders): Promise<Stream>;
  /** A token of this user, as a header. */
  authorize(sub: string, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Stops a replica as an orchestrator does, and starts it again on its port. */
  restart(index: number): Promise<void>;
  stop(): Promise<void>;
}

export interface SiteOptions {
  readonly replicas?: number;
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export async function openSite(
  startProxy: StartProxy,
  { replicas: count = 1, path = '', env = {} }: SiteOptions = {},
): Promise<Site> {
  const tenant = await startTenant();
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()));
  const start = async (port: number): Promise<Replica> => {
    const replica = await startReplica({
      PORT: String(port),
      AUDIENCE: tenant.apiAudience,
      ISSUER_BASE_URL: tenant.url,
      AUTH0_MANAGEMENT_URL: tenant.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      USER_READS_PER_MINUTE: '0',
      USER_WRITES_PER_MINUTE: '0',
      TRUSTED_PROXIES: '127.0.0.1',
      AUDIT_LOG: 'off',
      ...env,
    });
    await replica.becomes('ready');
    return replica;
  };
  const replicas = await Promise.all(ports.map(start));
  const proxy = await startProxy({ backends: ports, path });
  // Connections are kept, as those of browsers are.
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

  function open(target: string, { method = 'GET', headers = {}, body, name = SITE, from }: Ask) {
    return new Promise<IncomingMessage>((resolve, reject) => {
      const req = request(
        {
          host: '127.0.0.1',
          port: proxy.port,
          method,
          path: target,
          servername: name,
          headers: { host: SITE, ...headers },
          ...(from === undefined ? { agent } : { localAddress: from, rejectUnauthorized: false }),
        },
        resolve,
      );
      req.once('error', reject).end(body);
    });
  }

  return {
    async ask(target, ask = {}) {
      const res = await open(target, ask);
      return { status: res.statusCode ?? 0, headers: res.headers, body: await text(res) };
    },
    async openStream(target, headers) {
      const res = await open(target, { headers });
      const ended = new Promise<void>((resolve) => res.once('close', () => resolve()));
      let received = '';
      res.on('data', (chunk: Buffer) => {
        received += chunk.toString();
      });
      return {
        async received(pattern) {
          while (!pattern.test(received)) {
            if (res.closed) throw new Error(`the stream ended after: ${received}`);
            await Promise.race([once(res, 'data'), ended]);
          }
        },
        ended,
        close: () => void res.destroy(),
      };
    },
    async authorize(sub, claims = {}) {
      const response = await fetch(`${tenant.url}/_local/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sub, scope: 'read:metadata update:metadata', claims }),
      });
      return `Bearer ${String(parseObject(await response.text())['access_token'])}`;
    },
    async restart(index) {
      const [port, replica] = [ports[index], replicas[index]];
      if (port === undefined || replica === undefined) throw new Error('there is no such replica');
      await replica.terminate();
      replicas[index] = await start(port);
    },
    async stop() {
      agent.destroy();
      await proxy.stop();
      await Promise.all(replicas.map((replica) => replica.kill()));
      await tenant.stop();
    },
  };
}
