/** Values that are good each for itself and cannot work together. */

interface Listeners {
  readonly host: string;
  readonly port: number;
  readonly opsHost: string;
  readonly opsPort: number;
}

const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

/** @returns a fault for each, by the name of its variable. */
export function findConflicts({ host, port, opsHost, opsPort }: Listeners): string[] {
  const sameAddress = host === opsHost || ANY_ADDRESS.has(host) || ANY_ADDRESS.has(opsHost);
  // 0 takes any free port.
  if (port !== opsPort || port === 0 || !sameAddress) return [];
  return ['OPS_PORT: must differ from PORT, because both listeners would be bound to the same address'];
}
