/**
 * The web server of the demo page: its static files, client and form, the Auth0 SDK as it is published, and `/config.json` with the
 * addresses of tenant and proxy. Its policy lets the page run no inline code and call nobody else.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { packageRoot } from './package-root.ts';

/** What the page is told, as `/config.json`. */
export interface PageConfig {
  /** Where users log in; with its scheme, since the local tenant has no TLS. */
  readonly domain: string;
  readonly clientId: string;
  readonly audience: string;
  readonly apiBaseUrl: string;
  readonly scope: string;
  /** Whether tokens are bound to a key of the browser (RFC 9449). */
  readonly useDpop: boolean;
}

export function createWebApp(config: PageConfig): Express {
  const sdk = dirname(createRequire(import.meta.url).resolve('@auth0/auth0-spa-js/package.json'));
  const root = packageRoot(import.meta.dirname);
  const app = express();
  app.disable('x-powered-by');
  app.use(pageHeaders(config), (_req, res, next) => {
    // Whoever edits the page sees the edit at the next reload.
    res.set('Cache-Control', 'no-cache');
    next();
  });
  app.get('/config.json', (_req, res) => {
    res.json(config);
  });
  app.use('/vendor/auth0-spa-js', express.static(join(sdk, 'dist'), { cacheControl: false }));
  // Client and form as apps get them, compiled along with this file.
  for (const part of ['client', 'form']) {
    app.use(
      `/${part}/src`,
      express.static(join(root, '.build', 'packages', part, 'src'), { cacheControl: false }),
    );
  }
  // The page is not compiled, so it stands where the sources are.
  app.use(express.static(join(root, 'demo', 'web'), { cacheControl: false }));
  return app;
}

function pageHeaders({ domain, apiBaseUrl }: PageConfig) {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'connect-src': ["'self'", domain, apiBaseUrl],
        // The SDK asks for a session in a hidden frame.
        'frame-src': [domain],
        'script-src': ["'self'"],
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
