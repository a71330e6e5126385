/** Ports that cannot be had, told by the environment variable that chooses another. */
import { openListener } from '../packages/local-tenant/src/listener.ts';
import { DemoError } from './demo-error.ts';

export type PortVariable = 'TENANT_PORT' | 'PORT' | 'OPS_PORT' | 'WEB_PORT';

/** Opens `port`. @throws DemoError naming port and variable when it is taken or not permitted. */
export async function openPort<T>(
  port: number,
  variable: PortVariable,
  open: (port: number) => Promise<T>,
): Promise<T> {
  try {
    return await open(port);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const advice = `set ${variable} to use another one`;
    if (code === 'EADDRINUSE') throw new DemoError(`Port ${port} is taken: ${advice}.`, { cause });
    if (code === 'EACCES') throw new DemoError(`Port ${port} is not permitted: ${advice}.`, { cause });
    throw cause;
  }
}

/**
 * Makes sure that no other program has `port` on any loopback address, so that `localhost` can only mean what is about to listen
 * there. @throws DemoError as openPort does.
 */
export async function assertPortFree(port: number, variable: PortVariable): Promise<void> {
  if (port === 0) return;
  const probe = await openPort(port, variable, openListener);
  await probe.close();
}
