/** From lines to the text of a platform that marks bold, links and code with characters of the text itself. */
import { zeroWidthSpace } from './characters.ts';
import type { Line, Marks, Run } from './lines.ts';

export interface Notation {
  /** Characters around a span, the same on both sides. */
  readonly spans: Readonly<Record<Span, string>>;
  /** `escape` can keep a character of `spans` from marking anything. Otherwise no span is made around one. */
  readonly escapable: boolean;
  /** Whether a span can begin or end inside a word: as it is, with a zero-width space beside it, or not at all. */
  readonly insideWords: 'yes' | 'apart' | 'no';
  /** Inline code, or null where this text cannot be written as code. */
  code(text: string): string | null;
  link(label: string, url: string): string;
  /** Text such that nothing in it marks anything or notifies anybody. */
  escape(text: string, place: TextPlace): string;
  /** The lines around a block of code, or null where code is only lines. */
  fence(lang: string | null): readonly [string, string] | null;
  escapeCode(text: string): string;
  readonly quote: string;
}

export interface TextPlace {
  /** Whether a character stands more than once in its line, unescaped. */
  repeats(character: string): boolean;
  /** Nothing but quote marks stands before it. */
  readonly isLineStart: boolean;
  /** See `Run`. */
  readonly isAddress: boolean;
}

export type Span = 'strong' | 'emphasis' | 'delete';
const spans: readonly Span[] = ['strong', 'emphasis', 'delete'];

export function writeLines(lines: readonly Line[], notation: Notation): string {
  const written: string[] = [];
  for (const [index, line] of lines.entries()) {
    const lead = notation.quote.repeat(line.quoted);
    const write = (text: string) => written.push((lead + text).trimEnd());
    const fence = line.code && notation.fence(languageOf(line.code.lang));
    if (fence && lines[index - 1]?.code !== line.code) write(fence[0]);
    write(line.prefix + (line.code ? notation.escapeCode(textOfRuns(line.runs)) : writeRuns(line, notation)));
    if (fence && lines[index + 1]?.code !== line.code) write(fence[1]);
  }
  return trimmed(written);
}

function trimmed(lines: readonly string[]): string {
  return lines
    .slice(lines.findIndex((line) => line !== ''))
    .join('\n')
    .trimEnd();
}

/** A fence says no more than the name of a language: the rest of an info string is shown by no platform. */
export function languageOf(lang: string | null | undefined): string | null {
  return lang?.match(/^[\w+#.-]{1,30}$/)?.[0] ?? null;
}

function writeRuns(line: Line, notation: Notation): string {
  const repeats = repetitionsIn(textOfRuns(line.runs));
  const written: string[] = [];
  let open: Span[] = [];
  /** What the last thing written was: a span that just opened needs no word boundary, one that closed does. */
  let last: 'text' | 'opened' | 'closed' = 'text';

  const close = (kept: (span: Span) => boolean) => {
    while (open.length > 0 && !open.every(kept)) {
      written.push(notation.spans[open.pop()!]);
      last = 'closed';
    }
  };
  const openSpan = (span: Span) => {
    const before = written.at(-1)?.slice(-1) ?? '';
    if (notation.insideWords === 'no' && last !== 'opened' && /\S/.test(before)) return;
    const touches = last === 'closed' || (last === 'text' && /[^\s([{"'/.,:;!?–—-]/.test(before));
    if (notation.insideWords === 'apart' && touches) written.push(zeroWidthSpace);
    written.push(notation.spans[span]);
    open = [...open, span];
    last = 'opened';
  };
  const writeText = (run: Run) => {
    const isLineStart = written.length === 0 && line.prefix.trim() === '';
    const content = writeRun(run, notation, { repeats, isLineStart, isAddress: run.isAddress ?? false });
    const touches = last === 'closed' && /^[^\s)\]}"'.,:;!?–—-]/.test(content);
    if (notation.insideWords === 'apart' && touches) written.push(zeroWidthSpace);
    written.push(content);
    last = 'text';
  };

  for (const run of tidied(line.runs, notation)) {
    close((span) => run.marks[span] === true);
    for (const span of spans) if (run.marks[span] && !open.includes(span)) openSpan(span);
    writeText(run);
  }
  close(() => false);
  return written.join('');
}

/** Each character is looked for once: a line may hold as many runs as characters. */
function repetitionsIn(line: string): (character: string) => boolean {
  const known = new Map<string, boolean>();
  return (character) => {
    const repeats = known.get(character) ?? line.indexOf(character) !== line.lastIndexOf(character);
    known.set(character, repeats);
    return repeats;
  };
}

function writeRun({ text, marks }: Run, notation: Notation, place: TextPlace): string {
  const label = (marks.code ? notation.code(text) : null) ?? notation.escape(text, place);
  return marks.link === undefined ? label : notation.link(label, marks.link);
}

/** Runs such that spans neither begin nor end with a space, hold none of their own marks, and neighbours differ. */
function tidied(runs: readonly Run[], { spans: characters, escapable }: Notation): Run[] {
  const isBroken = (span: Span, text: string) => !escapable && text.includes(characters[span]);
  const markable = runs.map((run) => {
    const { text, marks } = run;
    return { ...run, marks: marks.code ? marks : without(marks, (span) => isBroken(span, text)) };
  });
  const split = markable.flatMap((run, index): Run[] => {
    if (run.marks.code || run.isAddress) return [run];
    const core = run.text.trim();
    const start = run.text.length - run.text.trimStart().length;
    const previous = markable[index - 1]?.marks ?? {};
    const next = markable[index + 1]?.marks ?? {};
    return [
      { text: run.text.slice(0, start), marks: shared(run.marks, previous) },
      { text: core, marks: run.marks },
      { text: run.text.slice(start + core.length), marks: shared(run.marks, next) },
    ];
  });
  const joined: Run[] = [];
  for (const run of split) {
    const last = joined.at(-1);
    if (run.text === '') continue;
    if (last && !last.isAddress && !run.isAddress && isSame(last.marks, run.marks))
      joined[joined.length - 1] = { ...last, text: last.text + run.text };
    else joined.push(run);
  }
  return joined;
}

function without(marks: Marks, isDropped: (span: Span) => boolean): Marks {
  const dropped = spans.filter((span) => marks[span] && isDropped(span));
  return Object.fromEntries(Object.entries(marks).filter(([name]) => !dropped.includes(name as Span)));
}

function shared(marks: Marks, others: Marks): Marks {
  const { link, code, ...kept } = without(marks, (span) => !others[span]);
  return link !== undefined && link === others.link ? { ...kept, link } : kept;
}

function isSame(one: Marks, other: Marks): boolean {
  return (['strong', 'emphasis', 'delete', 'code', 'link'] as const).every(
    (mark) => one[mark] === other[mark],
  );
}

function textOfRuns(runs: readonly Run[]): string {
  return runs.map(({ text }) => text).join('');
}
