/**
 * Puts a tenant at the https address that it names, and takes every other address off the network. For what depends on
 * that address: discovery and its redirects, and several issuers. Everything else uses `tenant-on-socket.ts`, which is
 * what a client really talks to, and costs half as much.
 */
import { afterAll } from '@jest/globals';
import nock from 'nock';
import type { Tenant } from './tenant.ts';

nock.disableNetConnect();
nock.enableNetConnect('127.0.0.1');
afterAll(() => {
  nock.restore();
});

export function interceptTenant(tenant: Tenant): void {
  const scope = nock(new URL(tenant.issuer).origin).persist();
  const everything = /.*/;
  for (const method of ['GET', 'POST', 'PATCH', 'PUT', 'DELETE']) {
    scope.intercept(everything, method).reply(async function answer(target, body) {
      const answered = await tenant.handle({
        method,
        target,
        headers: this.req.headers,
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      const headers = { 'content-type': 'application/json', ...answered.headers };
      const text = typeof answered.body === 'string' ? answered.body : JSON.stringify(answered.body ?? '');
      return [answered.status, text, headers];
    });
  }
}
