/** The pages whose `sh` blocks are run against the demo's parts, each with the settings that its service needs. */
import type { Fence } from './documents.ts';

export const EXAMPLE_PAGES: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  ['README.md', {}],
  ['docs/api.md', {}],
  ['docs/privacy.md', {}],
  ['docs/migration.md', {}],
  ['docs/compat.md', { AUTH0_COMPAT: 'true' }],
]);

/** What starts the demo is run by the tests of the demo; everything else in such blocks talks to it. */
export const DEMO_COMMAND = 'npm ci && npm run demo\n';

export function talksToDemo({ info, text }: Fence): boolean {
  return info === 'sh' && text !== DEMO_COMMAND;
}
