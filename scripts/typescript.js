/**
 * Lets Node run the sources as they are: `node --import ./scripts/typescript.js src/main.ts`. Node 22.18 and newer strip
 * types themselves; before that, SWC does.
 */
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

// Node loads this file once more, in the thread of its hooks.
if (isMainThread && !process.features.typescript) register(import.meta.url);

/** A hook of Node's module loader. */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  const { transformFile } = await import('@swc/core');
  const { code } = await transformFile(fileURLToPath(url), {
    swcrc: false,
    sourceMaps: 'inline',
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
    module: { type: 'es6' },
  });
  return { format: 'module', source: code, shortCircuit: true };
}
