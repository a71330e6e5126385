/** The Management API as proxies written by hand ask it: two operations over axios, which keeps connections. */
import { Agent } from 'node:http';
import { create as createAxios } from 'axios';
import { TENANT_URL } from './settings.ts';

const client = createAxios({
  baseURL: `${TENANT_URL}/api/v2`,
  headers: { authorization: 'Bearer of-the-machine' },
  httpAgent: new Agent({ keepAlive: true }),
  // No loop through a proxy that the machine may be set up with.
  proxy: false,
});

interface User {
  readonly user_metadata: object;
}

const FIELDS = { params: { fields: 'user_metadata' } };

export async function readMetadata(userId: string): Promise<object> {
  const { data } = await client.get<User>(`/users/${encodeURIComponent(userId)}`, FIELDS);
  return data.user_metadata;
}

export async function changeMetadata(userId: string, changes: unknown): Promise<object> {
  const path = `/users/${encodeURIComponent(userId)}`;
  const { data } = await client.patch<User>(path, { user_metadata: changes });
  return data.user_metadata;
}
