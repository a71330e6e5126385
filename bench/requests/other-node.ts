/** Another Node than the one that runs the benchmark, where the package registry can be reached. */
import { spawnSync } from 'node:child_process';

const FETCH_MS_MAX = 120_000;

export interface OtherNode {
  readonly version: string;
  readonly path: string;
}

/** @returns undefined when this is that version already, or it cannot be had. */
export function fetchNode(major: number): OtherNode | undefined {
  if (Number.parseInt(process.versions.node, 10) === major) return undefined;
  const script = 'console.log(process.execPath + "\\n" + process.versions.node)';
  const { status, stdout } = spawnSync('npx', ['-y', '-p', `node@${major}`, '--', 'node', '-e', script], {
    encoding: 'utf8',
    timeout: FETCH_MS_MAX,
  });
  const [path, version] = status === 0 ? stdout.trim().split('\n') : [];
  return path && version && Number.parseInt(version, 10) === major ? { path, version } : undefined;
}
