import { afterAll, expect, test } from '@jest/globals';
import type { HttpClient, HttpRequest } from '../../src/lib/http-client.ts';
import {
  createTracingSdk,
  type TracingSdk,
  type TracingSettings,
} from '../../src/observability/tracing-sdk.ts';
import { startCollector } from '../support/collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const opened: TracingSdk[] = [];
// Before the collector's own, which closes it.
afterAll(() => Promise.all(opened.map((sdk) => sdk.stop())));
const collector = await startCollector();

const SAMPLED = `00-${TRACE}-b7ad6b7169203331-01`;
const NOT_SAMPLED = `00-${TRACE}-b7ad6b7169203331-00`;

/** `traceparent` as it goes on to the tenant from a request that came with `parent`. */
async function passedOn(settings: Pick<TracingSettings, 'sampler' | 'ratio'>, parent: string | undefined) {
  const sent: HttpRequest[] = [];
  const http: HttpClient = {
    async send(request) {
      sent.push(request);
      return { status: 200, headers: new Map(), text: '' };
    },
    close: () => undefined,
  };
  const sdk = createTracingSdk(
    { onTrouble: () => undefined },
    { ...settings, url: `${collector.url}/v1/traces`, serviceName: undefined },
  );
  opened.push(sdk);
  const span = sdk.request('GET', parent === undefined ? {} : { traceparent: parent });
  const answers: Array<Promise<unknown>> = [];
  span.run(() => answers.push(sdk.send(http, { method: 'GET', url: 'http://tenant.test/x' })));
  await Promise.all(answers);
  span.end({ requestId: 'r', route: '/me', status: 200, failure: undefined });
  return sent[0]?.headers?.['traceparent'];
}

test.each([
  ['always_on', 1, NOT_SAMPLED, '01'],
  ['always_off', 1, SAMPLED, '00'],
  ['traceidratio', 0, SAMPLED, '00'],
  ['traceidratio', 1, NOT_SAMPLED, '01'],
  ['parentbased_always_on', 1, undefined, '01'],
  ['parentbased_always_on', 1, NOT_SAMPLED, '00'],
  ['parentbased_always_off', 1, undefined, '00'],
  ['parentbased_always_off', 1, SAMPLED, '01'],
  ['parentbased_traceidratio', 0, undefined, '00'],
  ['parentbased_traceidratio', 0, SAMPLED, '01'],
] as const)('%s (%s) makes of %s the flags %s', async (sampler, ratio, parent, flags) => {
  expect(await passedOn({ sampler, ratio }, parent)).toMatch(
    new RegExp(`^00-[\\da-f]{32}-[\\da-f]{16}-${flags}$`),
  );
});

test.each([
  'nonsense',
  `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  `ff-${TRACE}-b7ad6b7169203331-01`,
  `${SAMPLED}\u0000`,
])('a traceparent that is none begins a trace of its own: %j', async (parent) => {
  const passed = await passedOn({ sampler: 'parentbased_always_on', ratio: 1 }, parent);
  expect(passed).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
  expect(passed).not.toContain(TRACE);
});
