/** Server-sent events (WHATWG HTML section 9.2) out of text that arrives in pieces. */

export interface EventFrame {
  /** The field `event`, or `''`. */
  readonly event: string;
  /** The field `data`, or `''`: a frame may bring nothing but an id or a time. */
  readonly data: string;
  /** What a client names when it connects again, if the frame says so. */
  readonly id: string | undefined;
  /** When it should connect again, if the frame says so. */
  readonly retryMs: number | undefined;
}

/** Returns a function that takes the next piece and answers the frames that are now complete. */
export function createFrameReader(): (piece: string) => EventFrame[] {
  let rest = '';
  return (piece) => {
    // A carriage return at the end may be the first half of a line's end.
    const [text = '', held = ''] = (rest + piece).split(/(\r)$/);
    const frames = text.replaceAll(/\r\n?/g, '\n').split('\n\n');
    rest = (frames.pop() ?? '') + held;
    return frames.map(frameOf);
  };
}

function frameOf(text: string): EventFrame {
  const fields = text.split('\n').map((line) => line.split(/: ?(.*)/s));
  const valuesOf = (name: string) => fields.filter(([key]) => key === name).map(([, value = '']) => value);
  const retry = valuesOf('retry').at(-1);
  return {
    event: valuesOf('event').at(-1) ?? '',
    data: valuesOf('data').join('\n'),
    id: valuesOf('id').at(-1),
    retryMs: retry !== undefined && /^\d+$/.test(retry) ? Number(retry) : undefined,
  };
}
