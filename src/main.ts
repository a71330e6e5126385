/** The entry: configuration, composition, signals. The only place that reads the environment or exits. */
import { readFileSync } from 'node:fs';
import { ConfigError, loadConfig } from '../config/load.ts';
import { createService } from './compose.ts';
import { SafeError } from './lib/safe-error.ts';

const STOPPING_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

async function main(): Promise<void> {
  const config = loadConfig(process.env, (path) => readFileSync(path, 'utf8'));
  const service = createService(config);
  let stopping = false;
  for (const signal of STOPPING_SIGNALS) {
    process.on(signal, () => {
      // A second signal means that nobody wants to wait.
      if (stopping) process.exit(1);
      stopping = true;
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
