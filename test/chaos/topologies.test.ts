/** All that the service needs of Redis, on each way in which it is run. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { redisAddress, startRedis } from '../support/redis.ts';
import { describeRedisContract } from '../redis/redis-contract.ts';
import { startCluster, startSentinels } from './topologies.ts';

describeRedisContract('a primary that Sentinels name', async () => {
  const topology = await startSentinels();
  return { address: redisAddress(topology.url), stop: () => topology.stop() };
});

describeRedisContract('a cluster of three primaries', async () => {
  const topology = await startCluster();
  return { address: redisAddress(topology.url), stop: () => topology.stop() };
});

describeRedisContract('a cluster of three primaries with a replica each', async () => {
  const topology = await startCluster({ withReplicas: true });
  return { address: redisAddress(topology.url), stop: () => topology.stop() };
});

describeRedisContract('a server at an IPv6 address', async () => {
  const server = await startRedis({ more: ['--bind', '127.0.0.1', '::1'] });
  return { address: redisAddress(`redis://[::1]:${server.port}`), stop: () => server.stop() };
});

describeRedisContract('a server that asks for a certificate (TLS)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tls-'));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority');
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
    );
    openssl(
      ...`x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial`.split(' '),
      ...`-days 2 -copy_extensions copy -out ${name}.pem`.split(' '),
    );
  }
  const tlsPort = await freePort();
  const server = await startRedis({
    more: [
      ...`--tls-port ${tlsPort} --tls-auth-clients yes --tls-ca-cert-file ${at('ca.pem')}`.split(' '),
      ...`--tls-cert-file ${at('server.pem')} --tls-key-file ${at('server.key')}`.split(' '),
    ],
  });
  const text = (name: string) => readFile(at(name), 'utf8');
  const tls = { ca: await text('ca.pem'), cert: await text('client.pem'), key: await text('client.key') };
  return { address: { ...redisAddress(`redis://localhost:${tlsPort}`), tls }, stop: () => server.stop() };
});
