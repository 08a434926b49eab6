/** From what an agent says to what a platform is sent. */
import type { Capabilities, OutgoingFile, Part } from './channel.ts';
import { renderParts, renderPreview } from './markdown/render.ts';

/** Where the platform has files: more messages in a row than this are a flood; the answer is sent as a file then. */
const maxParts = 10;

/** Where it has none, and nothing narrower is said of it: so many, of which the last says how much is left out. */
const maxPartsWithoutFile = 30;

/** What became of an answer that is too long for its place. */
export interface Cut {
  /** parts: the person was sent its beginning alone · file: all of it, as a file. */
  readonly as: 'parts' | 'file';
  /** Messages that hold it. */
  readonly parts: number;
  /** How much of it the person was sent. */
  readonly percent: number;
  /** The last words that the person was sent; empty for a file. */
  readonly end: string;
}

export interface RenderedMessage {
  readonly parts: readonly Part[];
  /** Follows the parts. */
  readonly file: OutgoingFile | null;
  /** Null: the parts are all of it. */
  readonly cut: Cut | null;
}

/** Of the last words of what was sent, in UTF-16 code units. */
const endLength = 160;

/** The same text gives the same parts. None for a text of blanks. */
export function renderMessage(markdown: string, capabilities: Capabilities): RenderedMessage {
  const { dialect, limit } = capabilities;
  const { most, asFile } = answerLimit(capabilities, Buffer.byteLength(markdown));
  const rendered = renderParts(markdown, { dialect, limit, maxParts: most, ...(!asFile && { notes }) });
  const { parts, isComplete, shown } = rendered;
  if (isComplete) return { parts, file: null, cut: null };
  if (!asFile) {
    const end = rendered.end.trim().slice(-endLength).toWellFormed();
    // Of what is cut something is missing.
    const percent = Math.min(99, Math.round(shown * 100));
    return { parts, file: null, cut: { as: 'parts', parts: parts.length, percent, end } };
  }
  const told = renderParts('The answer is long, so here it is as a file.', { dialect, limit }).parts;
  return {
    parts: told,
    file: { name: 'answer.md', mediaType: 'text/markdown', data: Buffer.from(markdown) },
    cut: { as: 'file', parts: told.length + 1, percent: 100, end: '' },
  };
}

/** Most messages of an answer of so many bytes, and whether it becomes a file when it takes more. */
function answerLimit({ files: { outMax }, maxParts: own }: Capabilities, bytes: number) {
  const asFile = outMax !== null && bytes <= outMax;
  return { asFile, most: asFile ? maxParts : (own ?? maxPartsWithoutFile) };
}

/** How long an answer may be, for whoever writes it. */
export interface AnswerLimit {
  /** About so many characters; in other scripts than Latin it may be fewer. */
  readonly characters: number;
  /** What is longer: a file, or cut. */
  readonly asFile: boolean;
}

export function answerLimitOf(capabilities: Capabilities): AnswerLimit {
  const { max, unit, lines, segments } = capabilities.limit;
  const { most, asFile } = answerLimit(capabilities, 0);
  const each = Math.min(
    max,
    // Of 80 characters a line, and of 153 in the alphabet of GSM a segment.
    lines === undefined ? max : lines * (unit === 'bytes' ? 400 : 80),
    segments === undefined ? max : segments * 153,
  );
  return { characters: each * most, asFile };
}

const left = (shown: number) => `${Math.max(1, Math.round((1 - shown) * 100))} %`;

/** At the end of what is cut. */
const notes: readonly ((shown: number) => string)[] = [
  (shown) =>
    `(Cut here: this chat takes no longer answers, and ${left(shown)} of this one is missing. Ask me to go on.)`,
  (shown) => `(Cut here, ${left(shown)} is missing. Ask me to go on.)`,
  (shown) => `(cut: ${left(shown)} missing)`,
  () => '…',
];

/** How much of an answer that is being written fits into the message that shows it; null: nothing to show yet. */
export function renderBeginning(markdown: string, { dialect, limit }: Capabilities): Part | null {
  const part = renderPreview(markdown, { dialect, limit });
  return part.text.trim() === '' ? null : part;
}
