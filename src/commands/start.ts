/** `start`: runs the service until a signal stops it. */
import type { Config } from '../../config/load.ts';
import { createService } from '../composition/service.ts';
import { AppError, SafeError } from '../lib/app-error.ts';

const SAME_SIGNAL_MS = 1_000;
const STOPPING_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Resolves once the service listens. `exit` ends the process, when a signal or a fatal error does. */
export async function start(config: Config, exit: (code: number) => never): Promise<void> {
  const service = await createService(config, {
    onFatal(reason) {
      const isOurs = reason instanceof SafeError || reason instanceof AppError;
      process.stderr.write(`metadata-bff cannot go on.\n${isOurs ? reason.message : reason.name}\n`);
      exit(1);
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
        if (performance.now() - stoppingSince > SAME_SIGNAL_MS) exit(1);
        return;
      }
      stoppingSince = performance.now();
      service.logger.log('stopping', { signal });
      void service.stop().then(() => exit(0));
    });
  }
  process.on('uncaughtException', (error) => {
    service.logger.log('crashed', { error });
    service.logger.flush();
    exit(1);
  });
  await service.start();
}
