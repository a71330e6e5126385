/** The entry: configuration, composition, signals. The only place that reads the environment or exits. */
import { readFileSync } from 'node:fs';
import { ConfigError, loadConfig } from '../config/load.ts';
import { check } from './composition/check.ts';
import { createService } from './composition/service.ts';
import { getAuditId } from './composition/observability.ts';
import { AppError, SafeError } from './lib/app-error.ts';

const SAME_SIGNAL_MS = 1_000;
const STOPPING_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

async function main(): Promise<void> {
  const config = loadConfig(process.env, (path) => readFileSync(path, 'utf8'));
  if (process.argv[2] === 'check') {
    process.exitCode = (await check(config)) ? 0 : 1;
    return;
  }
  if (process.argv[2] === 'audit-id') {
    const userId = process.argv[3];
    if (!userId) throw new SafeError('audit-id takes the id of a user or an actor, such as auth0|123.');
    process.stdout.write(`${getAuditId(config, userId)}\n`);
    return;
  }
  const service = await createService(config, {
    onFatal(reason) {
      process.stderr.write(`metadata-bff cannot go on.\n${describe(reason)}\n`);
      process.exit(1);
    },
  });
  // Where nothing is to be reopened, the signal keeps its meaning: that the terminal is gone.
  if (typeof config.auditLog === 'object') process.on('SIGHUP', () => service.reopen());
  let stoppingSince: number | undefined;
  for (const signal of STOPPING_SIGNALS) {
    process.on(signal, () => {
      if (stoppingSince !== undefined) {
        // A second signal ends the process at once. One right behind the first is the same signal again: a terminal
        // sends it to all processes, and npm passes its own on.
        if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1);
        return;
      }
      stoppingSince = performance.now();
      service.logger.log('stopping', { signal });
      void service.stop().then(() => process.exit(0));
    });
  }
  process.on('uncaughtException', (error) => {
    service.logger.log('crashed', { error });
    service.logger.flush();
    process.exit(1);
  });
  await service.start();
}

main().catch((error: unknown) => {
  process.stderr.write(`metadata-bff cannot start.\n${describe(error)}\n`);
  process.exit(1);
});

/** Our own errors speak for themselves; the message of another might hold a value of the environment. */
function describe(error: unknown): string {
  if (error instanceof ConfigError || error instanceof SafeError || error instanceof AppError) {
    return error.message;
  }
  return error instanceof Error ? error.name : 'unknown error';
}
