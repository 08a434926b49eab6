/** `stop` of chat completions: the answer ends before the first of the sequences. */

export type StopSequences = readonly string[];

export function stopSequencesOf(stop: string | readonly string[] | null | undefined): StopSequences {
  return (typeof stop === 'string' ? [stop] : (stop ?? [])).filter((each) => each !== '');
}

function firstIn(text: string, sequences: StopSequences): number {
  const found = sequences.map((each) => text.indexOf(each)).filter((at) => at >= 0);
  return found.length > 0 ? Math.min(...found) : -1;
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
