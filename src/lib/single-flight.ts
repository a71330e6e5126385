/**
 * One call in flight, shared by all who ask meanwhile. Outcomes are not kept: the next caller after the
 * end starts anew.
 */
export function createSingleFlight<T>(task: () => Promise<T>): () => Promise<T> {
  let flight: Promise<T> | undefined;
  return function join(): Promise<T> {
    flight ??= task().finally(() => {
      flight = undefined;
    });
    return flight;
  };
}
