/**
 * `/docs`: the OpenAPI document as a page for people. Everything it needs comes from this service, and its
 * policy lets it load and reach nothing else.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Request, Response } from 'express';
import { AppError } from '../../lib/app-error.ts';
import { representShared, type SharedRepresentation } from '../../metadata/representation.ts';
import { type Route, createRoute } from './route.ts';
import { sendPublic } from '../response.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

// Addresses are relative, so that the page also works below a path of a reverse proxy.
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>metadata-bff: the API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <link rel="stylesheet" href="docs/page.css">
  </head>
  <body>
    <main id="api"><noscript>This page needs JavaScript; the document behind it is at <a href="openapi.json">openapi.json</a>.</noscript></main>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

// What swagger-ui leaves too faint to be read.
const PAGE_STYLES = `html.dark-mode .swagger-ui .header-col { color: #e4e6e6; }
html:not(.dark-mode) .swagger-ui .info .title small { background: #545b66; }
html:not(.dark-mode) .swagger-ui .info .title small.version-stamp { background: #4b6a00; }
html:not(.dark-mode) .swagger-ui .info a,
html:not(.dark-mode) .swagger-ui .info .url { color: #1f62b5; }
html:not(.dark-mode) .swagger-ui .btn.authorize { color: #12724a; }
html:not(.dark-mode) .swagger-ui .opblock .opblock-summary-method { color: #000; text-shadow: none; }
html:not(.dark-mode) .swagger-ui .parameter__in,
html:not(.dark-mode) .swagger-ui .prop-format { color: #5c5c5c; }
`;

const START_SCRIPT = `const pastedTokensOnly = (schemes) => schemes && schemes.filter((scheme) => scheme.has('bearer'));
const darkMode = matchMedia('(prefers-color-scheme: dark)');
const followColorScheme = () => document.documentElement.classList.toggle('dark-mode', darkMode.matches);

followColorScheme();
darkMode.addEventListener('change', followColorScheme);

SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  deepLinking: true,
  syntaxHighlight: { theme: 'obsidian' },
  // It would send the document to a validator elsewhere.
  validatorUrl: null,
  plugins: [
    {
      statePlugins: {
        // This page may connect to this service only, so that it cannot log a user in.
        auth: { wrapSelectors: { definitionsToAuthorize: (all) => (...args) => pastedTokensOnly(all(...args)) } },
      },
    },
  ],
});
`;

const STYLES = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

interface Asset {
  readonly contentType: string;
  read(): Promise<SharedRepresentation>;
}

export function createDocsRoutes(): readonly Route[] {
  const page = representShared(PAGE);
  const start = representShared(START_SCRIPT);
  const styles = representShared(PAGE_STYLES);
  const assets = new Map<unknown, Asset>([
    ['start.js', { contentType: SCRIPT, read: async () => start }],
    ['page.css', { contentType: STYLES, read: async () => styles }],
    ['swagger-ui.css', { contentType: STYLES, read: readOnFirstUse('swagger-ui.css') }],
    ['swagger-ui-bundle.js', { contentType: SCRIPT, read: readOnFirstUse('swagger-ui-bundle.js') }],
  ]);

  async function sendAsset(req: Request, res: Response): Promise<void> {
    const asset = assets.get(req.params['file']);
    if (!asset) throw new AppError('route_not_found', 'There is no resource at this address.');
    sendPublic(req, res, await asset.read(), asset.contentType);
  }

  return [
    createRoute('/docs', {
      GET: (req, res) =>
        sendPublic(req, res, page, 'text/html; charset=utf-8', {
          'Content-Security-Policy': CONTENT_SECURITY_POLICY,
        }),
    }),
    createRoute('/docs/:file', { GET: sendAsset }),
  ];
}

/** Where the build has copied a file of the page to; in a checkout, where it is copied from. */
function locate(name: string): string | URL {
  const copy = new URL(`../swagger-ui/${name}`, import.meta.url);
  return existsSync(copy) ? copy : createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`);
}

/** A file of the page, kept from its first use on: most services never show the page. */
function readOnFirstUse(name: string): () => Promise<SharedRepresentation> {
  let held: Promise<SharedRepresentation> | undefined;
  return () => {
    held ??= readFile(locate(name))
      .then(representShared)
      .catch((error: unknown) => {
        held = undefined;
        throw error;
      });
    return held;
  };
}
