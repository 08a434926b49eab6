/** From what an agent says to what a platform is sent. */
import type { Capabilities, OutgoingFile, Part } from './channel.ts';
import { splitText } from './split.ts';

/** More messages in a row than this are a flood; the answer is sent as a file then, where the platform has files. */
const maxParts = 10;

const byteLength = (text: string) => Buffer.byteLength(text);

export interface Rendered {
  readonly parts: readonly Part[];
  /** Follows the parts. */
  readonly file: OutgoingFile | null;
}

/** The same text gives the same parts. None for a text of blanks. */
export function renderMessage(text: string, { limit, files }: Capabilities): Rendered {
  const parts = splitText(text, limit).map((part) => ({ text: part }));
  if (parts.length <= maxParts || files.outMax === null || byteLength(text) > files.outMax)
    return { parts, file: null };
  return {
    parts: [{ text: 'The answer is long, so here it is as a file.' }],
    file: { name: 'answer.md', mediaType: 'text/markdown', data: Buffer.from(text) },
  };
}

/** How much of an answer that is being written fits into the message that shows it; null: nothing to show yet. */
export function renderBeginning(text: string, { limit }: Capabilities): Part | null {
  const [first] = splitText(text, limit);
  return first === undefined ? null : { text: first };
}
