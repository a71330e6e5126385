/**
 * Bundles and runs the demo or the local tenant, without a type check, which would take longer than all the rest. The
 * program runs in this process, so that a signal to the command reaches it and not a shell in between.
 */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const PROGRAMS = {
  demo: {
    says: 'Preparing the demo: the local tenant, the service and the page ...',
    // The page imports the packages by these names.
    entries: [
      { in: 'demo/main.ts', out: 'demo' },
      { in: 'packages/client/src/index.ts', out: 'packages/client/index' },
      { in: 'packages/form/src/settings.ts', out: 'packages/form/settings' },
      ...['en', 'de', 'el', 'ar'].map((language) => ({
        in: `packages/form/src/locales/${language}.ts`,
        out: `packages/form/locales/${language}`,
      })),
    ],
  },
  tenant: {
    says: 'Preparing the local tenant ...',
    entries: [{ in: 'packages/local-tenant/src/main.ts', out: 'tenant' }],
  },
};

const [name] = process.argv.slice(2);
const { says, entries } = PROGRAMS[name];
process.stdout.write(`${says}\n`);
await build({
  absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
  entryPoints: entries,
  outdir: `.build/bundled-${name}`,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'es2023',
  sourcemap: true,
  logLevel: 'warning',
});
process.argv.splice(2, 1);
await import(new URL(`../.build/bundled-${name}/${name}.js`, import.meta.url).href);
