/** What `docs/deploying.md` and the compose file hand to containers and proxies fits the service as it is. */
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../config/load.ts';
import { VARIABLES, type Variable } from '../../config/variables.ts';
import { SERVER_LIMITS } from '../../src/http/server/limits.ts';
import { EVENT_STREAMS, STOP } from '../../src/composition/constants.ts';
import { pageAt, ROOT } from './documents.ts';

const { fences } = pageAt('docs/deploying.md');
const fence = (info: string): string => fences.find((one) => one.info === info)?.text ?? '';

const graceSeconds = STOP.graceMs / 1000;

/** Names that are no variable; of one that is a secret, `NAME_FILE` is one, too. */
function unknownNames(names: readonly string[]): string[] {
  const known = new Set(
    Object.entries<Variable<unknown>>(VARIABLES).flatMap(([name, { secret }]) =>
      secret ? [name, `${name}_FILE`] : [name],
    ),
  );
  return names.filter((name) => !known.has(name));
}

/** Whether a configuration made of these names alone would be complete. */
function missingNames(names: readonly string[]): string[] {
  const required = Object.entries<Variable<unknown>>(VARIABLES).filter(([, one]) => one.required);
  return required.map(([name]) => name).filter((name) => !names.includes(name));
}

/** Anyone who can look at a container can see these when they are set as they are. */
const VARIABLES_WITH_SECRETS = new Set(
  Object.entries<Variable<unknown>>(VARIABLES)
    .filter(([, { secret }]) => secret)
    .map(([name]) => name),
);

describe('the compose file', () => {
  const confined = z.object({
    read_only: z.literal(true),
    cap_drop: z.tuple([z.literal('ALL')]),
    security_opt: z.tuple([z.literal('no-new-privileges:true')]),
    networks: z.array(z.string()),
  });
  const compose = z
    .strictObject({
      services: z.strictObject({
        'metadata-bff': confined.extend({
          environment: z.record(z.string(), z.string()),
          secrets: z.array(z.string()),
          ports: z.tuple([z.literal('3000:3000')]),
          stop_grace_period: z.string().regex(/^\d+s$/),
          ulimits: z.object({ nofile: z.number() }),
        }),
        redis: confined.extend({
          user: z.literal('redis'),
          command: z.array(z.string()),
          ports: z.undefined().optional(),
        }),
      }),
      networks: z.strictObject({
        outside: z.object({}),
        inside: z.object({ internal: z.literal(true) }),
      }),
      secrets: z.record(z.string(), z.object({ file: z.string() })),
    })
    .parse(parse(readFileSync(join(ROOT, 'docs', 'operations', 'compose.yaml'), 'utf8')));
  const service = compose.services['metadata-bff'];

  test('sets variables that exist, and all that are required', () => {
    const names = Object.keys(service.environment);
    expect(unknownNames(names)).toEqual([]);
    expect(missingNames(names)).toEqual([]);
    expect(names.filter((name) => VARIABLES_WITH_SECRETS.has(name))).toEqual(['REDIS_URL']);
  });

  test('gives each secret as a file that is made in the commands of the page', () => {
    const files = Object.entries(service.environment).filter(([name]) => name.endsWith('_FILE'));
    expect(files.map(([, path]) => path.replace('/run/secrets/', '')).toSorted()).toEqual(
      service.secrets.toSorted(),
    );
    expect(Object.keys(compose.secrets).toSorted()).toEqual(service.secrets.toSorted());
    const commands = fences.filter(({ text }) => text.includes('docker compose')).map(({ text }) => text);
    const made = commands.join('').match(/(?<=> )[\w-]+$/gm) ?? [];
    expect(
      Object.values(compose.secrets)
        .map(({ file }) => file.replace('./', ''))
        .toSorted(),
    ).toEqual(made.toSorted());
  });

  test('starts with the secrets that those commands make', () => {
    const folder = mkdtempSync(join(tmpdir(), 'deploying-'));
    const block = fences.find(({ text }) => text.includes('docker compose'))?.text ?? '';
    const making = block.split('\n').filter((line) => /^(?:openssl|printf) /.test(line));
    try {
      execFileSync('bash', ['-euc', making.join('\n')], { cwd: folder, stdio: 'pipe' });
      const read = (path: string) => readFileSync(path.replace('/run/secrets', folder), 'utf8');
      const config = loadConfig(service.environment, (path) =>
        path.startsWith('/run') ? read(path) : readFileSync(join(ROOT, path), 'utf8'),
      );
      expect(config.cacheEncryptionKeys).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('lets requests under way end, and allows more files than connections', () => {
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThan(graceSeconds + 2);
    expect(service.ulimits.nofile).toBeGreaterThan(SERVER_LIMITS.maxConnections);
  });

  test('lets only the service reach Redis, which evicts no lock', () => {
    expect(compose.services.redis.networks).toEqual(['inside']);
    expect(service.networks).toEqual(['outside', 'inside']);
    expect(compose.services.redis.command.join(' ')).toContain('--maxmemory-policy noeviction');
  });
});

describe('the Kubernetes example', () => {
  const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
  const deployment = z
    .object({
      spec: z.object({
        template: z.object({
          spec: z.object({
            enableServiceLinks: z.literal(false),
            terminationGracePeriodSeconds: z.number(),
            securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.literal(1000) }),
            containers: z.tuple([
              z.object({
                env: z.array(z.object({ name: z.string(), value: z.string() })),
                ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
                securityContext: z.object({
                  readOnlyRootFilesystem: z.literal(true),
                  allowPrivilegeEscalation: z.literal(false),
                  capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
                }),
                startupProbe: probe,
                livenessProbe: probe,
                readinessProbe: probe,
                lifecycle: z.object({
                  preStop: z.object({
                    exec: z.object({ command: z.tuple([z.literal('sleep'), z.string()]) }),
                  }),
                }),
                volumeMounts: z.array(z.object({ mountPath: z.string(), readOnly: z.literal(true) })),
              }),
            ]),
            volumes: z.tuple([
              z.object({ secret: z.object({ defaultMode: z.literal(0o440) }) }),
              z.object({ configMap: z.object({}) }),
            ]),
          }),
        }),
      }),
    })
    .parse(parse(fence('yaml kubernetes')));
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;

  test('sets variables that exist, all that are required, and no secret as it is', () => {
    const names = container.env.map(({ name }) => name);
    expect(unknownNames(names)).toEqual([]);
    expect(missingNames(names)).toEqual([]);
    expect(names.filter((name) => VARIABLES_WITH_SECRETS.has(name))).toEqual([]);
    const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
    const files = container.env.filter(({ value }) => value.startsWith('/')).map(({ value }) => value);
    expect(files.filter((file) => !mounts.some((path) => file.startsWith(`${path}/`)))).toEqual([]);
  });

  test('probes the operations listener, which listens to more than itself', () => {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/livez', port: 'ops' },
      { path: '/livez', port: 'ops' },
      { path: '/readyz', port: 'ops' },
    ]);
    expect(container.ports).toEqual([
      { name: 'http', containerPort: Number(VARIABLES.PORT.default) },
      { name: 'ops', containerPort: Number(VARIABLES.OPS_PORT.default) },
    ]);
    expect(container.env).toContainEqual({ name: 'OPS_HOST', value: '0.0.0.0' });
  });

  test('waits before the signal, and long enough after it', () => {
    const pause = Number(container.lifecycle.preStop.exec.command[1]);
    expect(pause * 1000).toBeGreaterThan(STOP.settleMs);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(
      pause + STOP.settleMs / 1000 + graceSeconds + 2,
    );
  });
});

describe('the proxies', () => {
  const nginx = fence('nginx');
  const locations = [...nginx.matchAll(/location (.+) \{([^}]*)\}/g)].map(([, path = '', body = '']) => ({
    path,
    body,
  }));

  test('nginx sets the fields that are believed, from its own knowledge, in every location', () => {
    expect(locations.map(({ path }) => path)).toEqual(['/', '= /me/events']);
    for (const { body } of locations) {
      expect(body).toContain('proxy_set_header X-Forwarded-Host $host;');
      expect(body).toContain('proxy_set_header X-Forwarded-Proto $scheme;');
      expect(body).toContain('proxy_set_header X-Forwarded-For $remote_addr;');
      // With a path behind the name, nginx would send a decoded one.
      expect(body).toMatch(/proxy_pass http:\/\/\w+;/);
    }
  });

  test('nginx takes the header fields that the service takes, and does not weaken tags', () => {
    const [, kilobytes] = /large_client_header_buffers \d+ (\d+)k;/.exec(nginx) ?? [];
    expect(Number(kilobytes) * 1024).toBe(SERVER_LIMITS.maxHeaderBytes);
    expect(nginx).toContain('gzip off;');
  });

  test('streams are not collected, and outlast the pause between two lines', () => {
    const stream = locations.find(({ path }) => path.endsWith('/me/events'))?.body ?? '';
    expect(stream).toContain('proxy_buffering off;');
    const [, seconds] = /proxy_read_timeout (\d+)s;/.exec(stream) ?? [];
    expect(Number(seconds) * 1000).toBeGreaterThanOrEqual(2 * EVENT_STREAMS.heartbeatMs);
    expect(fence('caddy')).toContain('flush_interval -1');
  });

  test('Caddy drops idle connections before the service does', () => {
    const [, seconds] = /keepalive (\d+)s/.exec(fence('caddy')) ?? [];
    expect(Number(seconds) * 1000).toBeLessThan(SERVER_LIMITS.keepAliveTimeoutMs);
  });
});
