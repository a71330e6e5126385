/** Markdown of results, and the few figures that it takes: medians, ratios and shares. */
import { availableParallelism } from 'node:os';

export interface Section {
  readonly title: string;
  /** Markdown. */
  readonly body: string;
}

/** One benchmark. It asks nothing outside this machine. */
export type Bench = (log: (line: string) => void) => Promise<Section>;

export type Cell = string | number;

export function table(headers: readonly string[], rows: ReadonlyArray<readonly Cell[]>): string {
  const widths = headers.map((_, index) =>
    Math.max(3, ...[headers, ...rows].map((row) => String(row[index] ?? '').length)),
  );
  const line = (cells: readonly Cell[]) =>
    `| ${widths.map((width, index) => String(cells[index] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(headers), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** A share as a percentage, with as many digits as tell it from 0 and 100. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const value = (100 * part) / whole;
  return `${value.toFixed(value > 99 && value < 100 ? 2 : 1)} %`;
}

/** Whether a figure is what it has to be, as a line of a list. */
export function goal(text: string, met: boolean): string {
  return `- ${met ? 'met' : '**missed**'}: ${text}`;
}

/** The smallest value that this share of the values does not exceed; 0 for no values. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Each round as a multiple of the reference in the same round, because the machine's other work varies. */
export function ratios(values: readonly number[], reference: readonly number[]): number[] {
  return values.map((value, round) => value / (reference[round] ?? Number.NaN));
}

/** Median, lowest and highest, with as many digits as mean something: `312 (298–341)`. */
export function formatRange(values: readonly number[]): string {
  const middle = median(values);
  const digits = [20, 2].filter((bound) => middle < bound).length;
  const [low, high] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)];
  return low === high ? low : `${middle.toFixed(digits)} (${low}–${high})`;
}

export function describeMachine(): string {
  return `${availableParallelism()} cores, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

/** The page of all results. */
export function page(sections: readonly Section[]): string {
  return [
    '# Benchmark results',
    '',
    'Written by `npm run bench`. Other work shared the machine, so times are medians and ratios to a reference of the',
    'same run; the simulation runs in virtual time and is the same everywhere.',
    ...sections.flatMap(({ title, body }) => ['', `## ${title}`, '', body]),
    '',
  ].join('\n');
}

/** The page with a section in the place of the one with the same title, or at its end. */
export function withSection(text: string, { title, body }: Section): string {
  const section = `## ${title}\n\n${body}\n`;
  const [head = '', ...parts] = text.split(/^(?=## )/m);
  const at = parts.findIndex((part) => part.startsWith(`## ${title}\n`));
  if (at < 0) return `${text.trimEnd()}\n\n${section}`;
  return [head, ...parts.with(at, at === parts.length - 1 ? section : `${section}\n`)].join('');
}
