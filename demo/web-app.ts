/**
 * The web server of the demo page. It serves the page, the compiled packages that the page imports, the Auth0 SDK, and
 * `/config.json` with the addresses of tenant and service. The content security policy allows no inline code except the
 * import map, and no other addresses.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { packageRoot } from './package-root.ts';

/** The content of `/config.json`. */
export interface PageConfig {
  /** The origin of the tenant; with its scheme, since the local tenant has no TLS. */
  readonly domain: string;
  readonly clientId: string;
  readonly audience: string;
  readonly apiBaseUrl: string;
  readonly scope: string;
  /** Whether tokens are bound to a key of the browser (RFC 9449). */
  readonly useDpop: boolean;
}

/** The Express application of the page. Reads `index.html` once, for the hash of its import map. */
export function createWebApp(config: PageConfig): Express {
  const sdk = dirname(createRequire(import.meta.url).resolve('@auth0/auth0-spa-js/package.json'));
  const root = packageRoot(import.meta.dirname);
  const app = express();
  app.disable('x-powered-by');
  const importMapHash = hashImportMap(readFileSync(join(root, 'demo', 'web', 'index.html'), 'utf8'));
  app.use(setPageHeaders(config, importMapHash), (_req, res, next) => {
    // An edit of the page shows at the next reload.
    res.set('Cache-Control', 'no-cache');
    next();
  });
  app.get('/config.json', (_req, res) => {
    res.json(config);
  });
  app.use('/vendor/auth0-spa-js', express.static(join(sdk, 'dist'), { cacheControl: false }));
  for (const name of ['client', 'form']) {
    // `npm run demo` bundles them beside the program; tests run the compiled ones.
    const bundled = join(import.meta.dirname, 'packages', name);
    const folder = existsSync(bundled) ? bundled : join(root, 'packages', name, 'dist');
    app.use(`/vendor/metadata-bff-${name}`, express.static(folder, { cacheControl: false }));
  }
  // The page is not compiled.
  app.use(express.static(join(root, 'demo', 'web'), { cacheControl: false }));
  return app;
}

/** The source expression that allows the inline import map (CSP level 3, section 6.7.2.3). */
function hashImportMap(html: string): string {
  const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  return `'sha256-${createHash('sha256').update(importMap).digest('base64')}'`;
}

function setPageHeaders({ domain, apiBaseUrl }: PageConfig, importMapHash: string) {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'connect-src': ["'self'", domain, apiBaseUrl],
        // The SDK asks for a session in a hidden frame.
        'frame-src': [domain],
        'script-src': ["'self'", importMapHash],
        'style-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
    // Plain http on loopback only: a browser must not be told to insist on TLS for localhost.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
  });
}
