/** What `/metrics` says, by the text of each series. */

/** The samples, such as `up{a="b"}` -> 1. */
export async function samplesOf(opsUrl: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${opsUrl}/metrics`);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, number] => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}
