/** The entry: configuration, composition, signals. The only place that reads the environment or exits. */
import { readFileSync } from 'node:fs';
import { ConfigError, loadConfig } from '../config/load.ts';
import { createService } from './compose.ts';
import { SafeError } from './lib/safe-error.ts';

const SAME_SIGNAL_MS = 1_000;
const STOPPING_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

async function main(): Promise<void> {
  const config = loadConfig(process.env, (path) => readFileSync(path, 'utf8'));
  const service = createService(config);
  let stoppingSince: number | undefined;
  for (const signal of STOPPING_SIGNALS) {
    process.on(signal, () => {
      if (stoppingSince !== undefined) {
        // A later second signal means that nobody wants to wait. One right behind the first is the same
        // one again: a terminal sends it to all processes, and npm passes its own on.
        if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1);
        return;
      }
      stoppingSince = performance.now();
      service.logger.info('stopping', { signal });
      void service.stop().then(() => process.exit(0));
    });
  }
  process.on('uncaughtException', (error) => {
    service.logger.error('crashed', error);
    service.logger.flush();
    process.exit(1);
  });
  await service.start();
}

main().catch((error: unknown) => {
  const known = error instanceof ConfigError || error instanceof SafeError;
  process.stderr.write(`metadata-bff cannot start.\n${known ? error.message : describe(error)}\n`);
  process.exit(1);
});

/** An unexpected error is named without its message, which might hold a value of the environment. */
function describe(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}
