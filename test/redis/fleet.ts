/** A tenant, a Redis and replicas in front of both, each in a process of its own but for the tenant. */
import { randomBytes, randomUUID } from 'node:crypto';
import { startTenant, type TenantOptions } from '../../packages/local-tenant/src/tenant.ts';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';
import { parseObject } from '../support/json.ts';
import { type Replica, startReplica } from '../support/replica.ts';

export interface Person {
  readonly id: string;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** `Cache-Status` without the name of the cache. */
  readonly from: string;
  readonly retryAfterSeconds: number;
  /** Until the whole answer was there. */
  readonly tookMs: number;
}

export interface Ask {
  /** A merge patch; without one the document is read. */
  readonly patch?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Call {
  readonly method: string;
  readonly status: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export type Fault = Readonly<Record<string, string | number | boolean | Readonly<Record<string, string>>>>;

export interface Fleet {
  readonly replicas: readonly Replica[];
  /** The first two of them. */
  readonly pair: readonly [Replica, Replica];
  /** A new user, of whom no replica holds anything. */
  person(document: JsonObject): Promise<Person>;
  ask(replica: Replica, person: Person, ask?: Ask): Promise<Answer>;
  /** Changes the user as an administrator does in the dashboard. */
  edit(person: Person, document: JsonValue): Promise<void>;
  /** What the tenant holds. */
  stored(person: Person): Promise<unknown>;
  remove(person: Person): Promise<void>;
  /** A token with these claims, whatever they say. */
  mint(claims: Readonly<Record<string, unknown>>): Promise<string>;
  rotateKeys(order?: { readonly retire: boolean }): Promise<void>;
  /** The Management API calls about this person, oldest first; without an argument, about all. */
  calls(person?: Person): Promise<Call[]>;
  putFault(fault: Fault): Promise<void>;
  removeFaults(): Promise<void>;
  /** One more replica, whose environment differs in this. */
  join(env: Readonly<Record<string, string>>): Promise<Replica>;
  stop(): Promise<void>;
}

/** What a fleet needs of its tenant, wherever that runs. */
export interface TenantServer {
  readonly url: string;
  readonly apiAudience: string;
  stop(): Promise<void>;
}

export interface FleetOptions {
  /** The Redis address of each replica; undefined for one without. */
  readonly redisUrls: ReadonlyArray<string | undefined>;
  /** One that runs already, or how to start one in this process. */
  readonly tenant?: TenantOptions | TenantServer;
  readonly env?: Readonly<Record<string, string>>;
}

const pathOf = ({ id }: Person) => `/users/${encodeURIComponent(id)}`;

export async function openFleet({ redisUrls, tenant = {}, env = {} }: FleetOptions): Promise<Fleet> {
  const server: TenantServer = 'stop' in tenant ? tenant : await startTenant({ port: 0, ...tenant });
  const control = `${server.url}/_local`;
  const common = {
    AUDIENCE: server.apiAudience,
    ISSUER_BASE_URL: server.url,
    AUTH0_MANAGEMENT_URL: server.url,
    AUTH0_CLIENT_ID: 'local-bff',
    AUTH0_CLIENT_SECRET: 'local-secret',
    CACHE_HASH_KEY: randomBytes(16).toString('hex'),
    // The highest limit: some tests ask as fast as they are answered, more than 10,000 times a minute.
    USER_READS_PER_MINUTE: '1000000',
    USER_WRITES_PER_MINUTE: '1000000',
    ...env,
  };
  const replicas = await Promise.all(
    redisUrls.map((url) => startReplica({ ...common, ...(url === undefined ? {} : { REDIS_URL: url }) })),
  );
  await Promise.all(replicas.map((replica) => replica.becomes('ready')));

  async function order(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${control}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  async function mint(claims: Readonly<Record<string, unknown>>): Promise<string> {
    const { sub, ...others } = claims;
    const response = await order('POST', '/token', {
      sub,
      scope: 'read:metadata update:metadata',
      claims: others,
    });
    return String(parseObject(await response.text())['access_token']);
  }

  async function edit(person: Person, document: JsonValue): Promise<void> {
    await order('PUT', pathOf(person), { user_metadata: document });
  }

  const joined: Replica[] = [];
  const [first, second = first] = replicas;
  if (first === undefined || second === undefined) throw new Error('a fleet has at least one replica');
  return {
    replicas,
    pair: [first, second],
    edit,
    mint,
    async rotateKeys(rotation = { retire: false }) {
      await order('POST', '/keys/rotate', rotation);
    },
    async person(document) {
      const id = `auth0|${randomUUID()}`;
      const person = { id, token: await mint({ sub: id }) };
      await edit(person, document);
      return person;
    },
    async ask(replica, { token }, { patch, headers = {} } = {}) {
      const askedAt = performance.now();
      const response = await fetch(`${replica.url}/me/metadata`, {
        method: patch === undefined ? 'GET' : 'PATCH',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        ...(patch === undefined ? {} : { body: JSON.stringify(patch) }),
      });
      const body = parseObject(await response.text());
      return {
        status: response.status,
        body,
        from: (response.headers.get('cache-status') ?? '').replace('metadata-bff; ', ''),
        retryAfterSeconds: Number(response.headers.get('retry-after')),
        tookMs: performance.now() - askedAt,
      };
    },
    async stored(person) {
      return parseObject(await (await order('GET', pathOf(person))).text())['user_metadata'];
    },
    async remove(person) {
      await order('DELETE', pathOf(person));
    },
    async calls(person) {
      const list: Array<{ method: string; path: string; status: number; at: string }> = JSON.parse(
        await (await order('GET', '/calls')).text(),
      );
      const wanted = person ? `/api/v2${pathOf(person)}` : '/api/v2/';
      return list
        .filter(({ path }) => path.startsWith(wanted))
        .map(({ method, status, at }) => ({ method, status, at: Date.parse(at) }));
    },
    async putFault(fault) {
      await order('PUT', '/faults', fault);
    },
    async removeFaults() {
      await order('DELETE', '/faults');
    },
    async join(more) {
      const replica = await startReplica({ ...common, ...more });
      joined.push(replica);
      return replica;
    },
    async stop() {
      await Promise.all([...replicas, ...joined].map((replica) => replica.kill()));
      await server.stop();
    },
  };
}
