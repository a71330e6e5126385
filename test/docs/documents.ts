/** The project's documentation as tests look at it: pages, their fenced blocks, links and headings. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface Fence {
  /** The info string: `sh`, `json policy`. */
  readonly info: string;
  readonly text: string;
}

export interface Page {
  /** Below the project's root. */
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
  /** The text without fenced blocks. */
  readonly prose: string;
  /** What stands between single backticks in the prose. */
  readonly spans: readonly string[];
  readonly anchors: ReadonlySet<string>;
}

const FENCE = /^( *)```([^\n`]*)\n([\s\S]*?)^\1```$/gm;

function pageOf(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const prose = text.replaceAll(FENCE, '');
  return {
    path,
    text,
    fences: [...text.matchAll(FENCE)].map(([, , info = '', body = '']) => ({ info, text: body })),
    prose,
    spans: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span),
    anchors: new Set([...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))),
  };
}

/** As code hosts make it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => relative(ROOT, join(ROOT, 'docs', name)));

export const pages: readonly Page[] = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...inDocs.toSorted(),
].map(pageOf);

/** @throws Error for a page that is not there. */
export function pageAt(path: string): Page {
  const page = pages.find((candidate) => candidate.path === path);
  if (!page) throw new Error(`no page ${path}`);
  return page;
}

/** Every finding of `find` with the page it stands on, for a message that says where to look. */
export function findings(find: (page: Page) => readonly string[]): string[] {
  return pages.flatMap((page) => find(page).map((finding) => `${page.path}: ${finding}`));
}
