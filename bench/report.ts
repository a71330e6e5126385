/** What a benchmark leaves behind: Markdown, with the facts of the machine that its reader needs and no others. */
import { availableParallelism } from 'node:os';

export interface Section {
  readonly title: string;
  /** Markdown. */
  readonly body: string;
}

/** One benchmark by name. Bounded in time, and talks to nobody but this machine. */
export type Bench = (log: (line: string) => void) => Promise<Section>;

export type Cell = string | number;

/** A Markdown table, padded as the formatter pads it; columns of numbers stand on the right. */
export function table(headers: readonly string[], rows: ReadonlyArray<readonly Cell[]>): string {
  const columns = headers.map((header, index) => {
    const cells = rows.map((row) => row[index] ?? '');
    const width = Math.max(3, header.length, ...cells.map((cell) => String(cell).length));
    const isNumeric = cells.length > 0 && cells.every((cell) => typeof cell === 'number');
    const pad = (cell: Cell) => (isNumeric ? String(cell).padStart(width) : String(cell).padEnd(width));
    const rule = isNumeric ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width);
    return [pad(header), rule, ...cells.map(pad)];
  });
  const lines = Array.from({ length: rows.length + 2 }, (_, line) => columns.map((column) => column[line]));
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
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

export function machineFacts(): string {
  const { node, v8 } = process.versions;
  return `${availableParallelism()} cores, Node ${node} (V8 ${v8}), ${process.platform} ${process.arch}`;
}

/** The page of all results. */
export function page(sections: readonly Section[]): string {
  return [
    '# Benchmark results',
    '',
    'Written by `npm run bench`. Other work shared the machine, so times are medians and ratios to a reference of the',
    'same run; the simulations run in virtual time and are the same everywhere.',
    ...sections.flatMap(({ title, body }) => ['', `## ${title}`, '', body]),
    '',
  ].join('\n');
}

/** The page with a section in the place of the one of the same title, or at its end. */
export function withSection(text: string, { title, body }: Section): string {
  const section = `## ${title}\n\n${body}\n`;
  const [head = '', ...parts] = text.split(/^(?=## )/m);
  const at = parts.findIndex((part) => part.startsWith(`## ${title}\n`));
  const isLast = at === parts.length - 1;
  if (at < 0) return `${text.trimEnd()}\n\n${section}`;
  return [head, ...parts.with(at, isLast ? section : `${section}\n`)].join('');
}
