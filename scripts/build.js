/**
 * `npm run build:service`: writes the service to `dist` as the package holds it, with the code of every package that it
 * uses, so that an installation needs no other packages and a start reads few files. Beside the code are the files of
 * the page at `/docs`, the licences of the packages in it, and the bill of materials.
 *
 * OpenTelemetry stays outside: it is large and only wanted where traces are.
 */
import { build } from 'esbuild';
import { mkdirSync, readdirSync, readFileSync, rmSync, copyFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** What the page at `/docs` shows; see `src/http/routes/docs.ts`. */
const PAGE_PACKAGE = 'swagger-ui-dist';
const PAGE_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];

/** Only what our own code imports: a package in the bundle may have parts of OpenTelemetry of its own. */
const optionalPeers = {
  name: 'optional-peers',
  setup({ onResolve }) {
    onResolve({ filter: /^@opentelemetry\// }, ({ importer, path }) =>
      importer.includes('node_modules') ? undefined : { path, external: true },
    );
  },
};

/** Prettier formats what the command `types` prints, and has parsers for languages that it never prints. */
const unusedParsers = {
  name: 'unused-parsers',
  setup({ onResolve }) {
    onResolve({ filter: /\/plugins\/\w+\.mjs$/ }, ({ importer, path }) => {
      const isUsed = !importer.includes('prettier') || /\/(?:typescript|estree)\.mjs$/.test(path);
      return isUsed ? undefined : { path, external: true };
    });
  },
};

/**
 * Bundles the service.
 * @returns the files, by esbuild, and the folders of the packages whose code or files ship, relative to the project.
 */
export async function bundleService() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outbase: '.',
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    charset: 'utf8',
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
    plugins: [optionalPeers, unusedParsers],
    // Its other form loads its parts in a way that no bundler follows.
    alias: { 'jsonc-parser': require.resolve('jsonc-parser').replace('/umd/', '/esm/') },
    // For the CommonJS packages inside.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const folders = Object.keys(metafile.inputs)
    .filter((path) => path.includes('node_modules/'))
    .map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path);
  const page = relative(root, dirname(require.resolve(`${PAGE_PACKAGE}/package.json`)));
  return { outputFiles, packages: [...new Set([...folders, page])].toSorted() };
}

/** The licence of each package, as its authors wrote it. */
function collectLicences(packages) {
  return packages
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      const files = readdirSync(join(root, folder)).filter((file) => /^(?:licen[cs]e|notice)/i.test(file));
      const texts = files.map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
      return [`${name} ${version} (${license})`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`);
}

async function writeService() {
  const { outputFiles, packages } = await bundleService();
  const dist = join(root, 'dist');
  rmSync(dist, { recursive: true, force: true });
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
  }
  const page = join(dist, 'swagger-ui');
  mkdirSync(page);
  for (const file of PAGE_FILES) copyFileSync(require.resolve(`${PAGE_PACKAGE}/${file}`), join(page, file));
  writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), `${collectLicences(packages)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeService();
