/**
 * The page on which the engines meet the elements: an origin of its own that may call the demo's service, under a strict
 * content security policy. Tests build its content through `globalThis.kit`.
 */
import { join } from 'node:path';
import express from 'express';
import { startDemo } from '../../demo/stack.ts';
import { readSettings } from '../../demo/settings.ts';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import { ROOT } from '../docs/documents.ts';

const CSS = `
  html { background: Canvas; color: CanvasText; font: 1rem/1.5 system-ui, sans-serif; }
  body { margin: 0; padding: 1rem; overflow-wrap: break-word; }
  form.app { display: grid; gap: 1rem; }
`;

/** Everything that a test can use in the page. */
const SCRIPT = `
  import { createAuth0Client } from '/sdk/auth0-spa-js.production.esm.js';
  import { createMetadataClient } from '/client/index.js';
  import { defineUserMetadataForm } from '/form/index.js';
  import { defineUserMetadataSettings } from '/form/settings.js';
  globalThis.kit = { createAuth0Client, createMetadataClient };
  defineUserMetadataForm();
  defineUserMetadataSettings();
`;

function createApp(apiUrl: string, tenantUrl: string) {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${apiUrl} ${tenantUrl}`,
    `frame-src ${tenantUrl}`,
    'worker-src blob:',
  ].join('; ');
  const app = express();
  app.use('/form', express.static(join(ROOT, 'packages/form/dist')));
  app.use('/client', express.static(join(ROOT, 'packages/client/dist')));
  app.use('/sdk', express.static(join(ROOT, 'node_modules/@auth0/auth0-spa-js/dist')));
  app.get('/page.css', (_req, res) => void res.type('css').send(CSS));
  app.get('/page.js', (_req, res) => void res.type('js').send(SCRIPT));
  app.get('/favicon.ico', (_req, res) => void res.sendStatus(204));
  app.get('/', (_req, res) => {
    res
      .set('Content-Security-Policy', policy)
      .type('html')
      .send(`<!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Settings</title>
      <meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
      <link rel="stylesheet" href="/page.css"><script type="module" src="/page.js"></script></head>
      <body><main><h1>Settings</h1></main></body></html>`);
  });
  return app;
}

/** Starts the demo's stack with that page beside it, and the same page on an origin that may not call the service. */
export async function startEnginePage() {
  const [own, foreign] = [await openListener(0), await openListener(0)];
  const url = `http://localhost:${own.port}/`;
  const ports = { TENANT_PORT: '0', PORT: '0', OPS_PORT: '0', WEB_PORT: '0', LOG_LEVEL: 'silent' };
  const demo = await startDemo(readSettings({ ...ports, CORS_ORIGINS: new URL(url).origin }));
  const app = createApp(demo.apiUrl, demo.tenantUrl);
  own.serve(app);
  foreign.serve(app);
  return {
    ...demo,
    url,
    foreignUrl: `http://localhost:${foreign.port}/`,
    async stop() {
      await Promise.all([own.close(), foreign.close()]);
      await demo.stop();
    },
  };
}
