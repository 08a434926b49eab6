/** `stop` of chat completions: the answer ends before the sequence that is complete first. */

export type StopSequences = readonly string[];

export function stopSequencesOf(stop: string | readonly string[] | null | undefined): StopSequences {
  return (typeof stop === 'string' ? [stop] : (stop ?? [])).filter((each) => each !== '');
}

/**
 * Where the sequence begins that is complete first, of several such the longest; -1: there is none. Not the one that begins
 * first: a text that comes in pieces would have gone on beyond the other one by then.
 */
function firstIn(text: string, sequences: StopSequences): number {
  let found = { at: -1, end: Number.POSITIVE_INFINITY };
  for (const each of sequences) {
    const at = text.indexOf(each);
    const end = at + each.length;
    if (at >= 0 && (end < found.end || (end === found.end && at < found.at))) found = { at, end };
  }
  return found.at;
}

export function cutAtStop(text: string, sequences: StopSequences): string {
  const at = firstIn(text, sequences);
  return at < 0 ? text : text.slice(0, at);
}

/** The same for a text that comes in pieces. What may be the beginning of a sequence is held back. */
export function createStopFilter(sequences: StopSequences) {
  const longest = Math.max(0, ...sequences.map(({ length }) => length));
  let held = '';
  let stopped = false;
  return {
    push(piece: string): string {
      if (stopped) return '';
      if (longest === 0) return piece;
      held += piece;
      const at = firstIn(held, sequences);
      stopped = at >= 0;
      const ready = held.slice(0, stopped ? at : Math.max(0, held.length - longest + 1));
      held = held.slice(ready.length);
      return ready;
    },
    /** What was held back, when no more comes. */
    end(): string {
      const rest = stopped ? '' : held;
      held = '';
      return rest;
    },
  };
}
