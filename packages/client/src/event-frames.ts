/** Parses server-sent events (WHATWG HTML section 9.2) from text that arrives in pieces. */

export interface EventFrame {
  /** The field `event`, or `''`. */
  readonly event: string;
  /** The field `data`, or `''`: a frame may hold only an id or a time. */
  readonly data: string;
  /** The field `id`, which a client sends as `Last-Event-ID`. */
  readonly id: string | undefined;
  /** The field `retry`. */
  readonly retryMs: number | undefined;
}

/** Returns a function that takes the next piece of text and returns the frames that are now complete. */
export function createFrameParser(): (piece: string) => EventFrame[] {
  let rest = '';
  return (piece) => {
    // A carriage return at the end may be the first half of a line break.
    const [text = '', lastCr = ''] = (rest + piece).split(/(\r)$/);
    const frames = text.replaceAll(/\r\n?/g, '\n').split('\n\n');
    rest = (frames.pop() ?? '') + lastCr;
    return frames.map(parseFrame);
  };
}

function parseFrame(text: string): EventFrame {
  const fields = text.split('\n').map((line) => line.split(/: ?(.*)/s));
  const getValues = (name: string) => fields.filter(([key]) => key === name).map(([, value = '']) => value);
  const retry = getValues('retry').at(-1) ?? '';
  return {
    event: getValues('event').at(-1) ?? '',
    data: getValues('data').join('\n'),
    id: getValues('id').at(-1),
    retryMs: /^\d+$/.test(retry) ? Number(retry) : undefined,
  };
}
