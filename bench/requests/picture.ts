/** Lines drawn as an SVG: small multiples on one scale, readable on light and dark pages. */

export interface Panel {
  readonly title: string;
  /** Below the horizontal axis. */
  readonly unit: string;
  /** What each point stands at, and how high. Drawn evenly, in this order. */
  readonly points: ReadonlyArray<{ readonly at: number; readonly value: number }>;
}

export interface PictureOptions {
  readonly title: string;
  /** What heights mean. */
  readonly unit: string;
}

const PANEL = { width: 250, height: 170, left: 45, top: 60, gap: 30 };
const INK = '#24292f';
const FAINT = '#d0d7de';
const LINE = '#0969da';

/** @returns an SVG document of its own, without script, style sheet or anything that is fetched. */
export function drawPanels(panels: readonly Panel[], { title, unit }: PictureOptions): string {
  const highest = Math.max(...panels.flatMap(({ points }) => points.map(({ value }) => value)), 1);
  const top = roundUp(highest);
  const width = PANEL.left + panels.length * (PANEL.width + PANEL.gap);
  const height = PANEL.top + PANEL.height + 60;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="6" fill="#ffffff"/>`,
    text(PANEL.left, 22, title, 'font-size="15" font-weight="600"'),
    text(PANEL.left, 40, unit, 'fill="#57606a"'),
    ...panels.flatMap((panel, index) =>
      drawPanel(panel, PANEL.left + index * (PANEL.width + PANEL.gap), top, index === 0),
    ),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel(panel: Panel, left: number, top: number, hasScale: boolean): string[] {
  const { title, unit, points } = panel;
  const bottom = PANEL.top + PANEL.height;
  const step = PANEL.width / Math.max(1, points.length);
  const xOf = (index: number) => round(left + step * (index + 0.5));
  const yOf = (value: number) => round(bottom - (PANEL.height * value) / top);
  const grid = [0, 0.5, 1].flatMap((share) => {
    const y = yOf(top * share);
    return [
      `<line x1="${left}" y1="${y}" x2="${left + PANEL.width}" y2="${y}" stroke="${FAINT}"/>`,
      ...(hasScale ? [text(left - 8, y + 4, String(top * share), 'text-anchor="end"')] : []),
    ];
  });
  const path = points.map(({ value }, index) => `${xOf(index)},${yOf(value)}`).join(' ');
  const marks = points.flatMap(({ at, value }, index) => [
    `<circle cx="${xOf(index)}" cy="${yOf(value)}" r="3.5" fill="${LINE}"/>`,
    text(xOf(index), yOf(value) - 9, value.toFixed(1), 'text-anchor="middle"'),
    text(xOf(index), bottom + 17, at.toLocaleString('en-US'), 'text-anchor="middle"'),
  ]);
  return [
    ...grid,
    `<polyline points="${path}" fill="none" stroke="${LINE}" stroke-width="2"/>`,
    ...marks,
    text(left + PANEL.width / 2, bottom + 35, title, 'text-anchor="middle" font-weight="600"'),
    text(left + PANEL.width / 2, bottom + 51, unit, 'text-anchor="middle" fill="#57606a"'),
  ];
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The next number that is easy to halve and to read, with room above the highest point. */
function roundUp(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 2, 4, 6, 8, 10, 12];
  return (steps.find((step) => step * magnitude >= value * 1.12) ?? 20) * magnitude;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
