import { expect, test } from '@jest/globals';
import { Histogram, Registry } from 'prom-client';
import { BoundHistogram } from '../../src/observability/metric-children.ts';

const CONFIGURATION = {
  name: 'durations',
  help: 'How long it took.',
  labelNames: ['method', 'status'],
  buckets: [0.1, 1, 10],
};
const LABELS = [
  { method: 'GET', status: '200' },
  { method: 'PUT', status: '"quoted"' },
];
/** On a bound, between, below and beyond all of them. */
const VALUES = [0, 0.1, 0.100001, 1, 5, 10, 10.5, 1000];

test('it is read as a histogram of prom-client is', async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const bound = new BoundHistogram({ ...CONFIGURATION, registers: [ours] });
  const usual = new Histogram({ ...CONFIGURATION, registers: [theirs] });
  expect(await ours.metrics()).toBe(await theirs.metrics());
  for (const labels of LABELS) {
    const observe = bound.child(labels);
    for (const value of VALUES) {
      observe(value);
      usual.observe(labels, value);
    }
  }
  expect(await ours.metrics()).toBe(await theirs.metrics());
  const { values } = await usual.get();
  expect((await bound.get()).values).toEqual(
    values.map(({ metricName, labels, value }) => ({ metricName, labels, value })),
  );
});
