/**
 * `npm run demo`: local tenant, proxy and web page in one process, with nothing else installed. The entry: environment,
 * instructions, signals.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../config/load.ts';
import { SafeError } from '../src/lib/app-error.ts';
import { DemoError } from './demo-error.ts';
import { renderInstructions, renderPageInstructions } from './instructions.ts';
import { readSettings } from './settings.ts';
import { type Demo, type ServedPage, startDemo, startPage } from './stack.ts';

/** After Ctrl-C, the demo does not wait longer for a browser to close its connections. */
const STOP_MS_MAX = 1_500;

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const { elsewhere } = settings;
  const starting: Promise<Demo | ServedPage> = elsewhere
    ? startPage(settings, elsewhere)
    : startDemo(settings);
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // npm passes a terminal's Ctrl-C on, so that it arrives twice.
      if (stopping) return;
      stopping = true;
      const stopped = starting.then((demo) => demo.stop());
      void Promise.race([stopped, delay(STOP_MS_MAX)]).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
  const demo = await starting;
  console.log('apiUrl' in demo ? renderInstructions(demo) : renderPageInstructions(demo.pageUrl));
}

main().catch((error: unknown) => {
  const known = error instanceof DemoError || error instanceof SafeError || error instanceof ConfigError;
  console.error(`The demo cannot start. ${known ? error.message : String(error)}`);
  process.exit(1);
});
