/**
 * The children of a metric, each looked up by its labels once: prom-client hashes a labels object at every
 * use, which costs more than the counting. Only for labels whose values are few.
 */
import { Histogram, type HistogramConfiguration } from 'prom-client';

/** @returns the child for these label values, made at its first use. */
export function children<L extends readonly string[], C>(make: (...labels: L) => C): (...labels: L) => C {
  const known = new Map<string, C>();
  return (...labels) => {
    const name = labels.join('\n');
    const found = known.get(name);
    if (found) return found;
    const child = make(...labels);
    known.set(name, child);
    return child;
  };
}

// A histogram for what happens with every request. prom-client looks the labels and the bucket of each observation up
// by texts that it makes for that; here a child holds its counts (docs/performance.md has what it saves). What
// is read from it is the same.

interface Child {
  readonly labels: Readonly<Record<string, string>>;
  /** How many were at most as large as each bound, but larger than the one before; at the end, larger than all. */
  readonly counts: number[];
  sum: number;
}

interface BoundHistogramConfiguration extends HistogramConfiguration<string> {
  /** Ascending. */
  readonly buckets: number[];
}

export class BoundHistogram extends Histogram {
  readonly #configuration: BoundHistogramConfiguration;
  readonly #bounds: readonly number[];
  readonly #children: Child[] = [];

  constructor(configuration: BoundHistogramConfiguration) {
    super(configuration);
    this.#configuration = configuration;
    this.#bounds = configuration.buckets;
  }

  /** What observes values under these labels. To be made once for the same labels. */
  child(labels: Readonly<Record<string, string>>): (value: number) => void {
    const child: Child = { labels, counts: Array.from({ length: this.#bounds.length + 1 }, () => 0), sum: 0 };
    this.#children.push(child);
    return (value) => {
      const bucket = this.#bounds.findIndex((bound) => value <= bound);
      const index = bucket < 0 ? this.#bounds.length : bucket;
      child.counts[index] = (child.counts[index] ?? 0) + 1;
      child.sum += value;
    };
  }

  /** What a registry asks for, and `get`, too. */
  async getForPromString() {
    const { name, help } = this.#configuration;
    const values = this.#children.flatMap((child) => samplesOf(name, this.#bounds, child));
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
}

function samplesOf(name: string, bounds: readonly number[], { labels, counts, sum }: Child) {
  let count = 0;
  const buckets = counts.map((more, index) => {
    count += more;
    const le = bounds[index] ?? '+Inf';
    return { metricName: `${name}_bucket`, labels: { le }, sharedLabels: labels, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, sharedLabels: labels, value: sum },
    { metricName: `${name}_count`, labels: {}, sharedLabels: labels, value: count },
  ];
}
