/** From what an agent says to what a platform is sent. */
import type { Capabilities, OutgoingFile, Part } from './channel.ts';
import { renderParts, renderPreview } from './markdown/render.ts';

/** More messages in a row than this are a flood; the answer is sent as a file then, where the platform has files. */
const maxParts = 10;

/** Where it has none, there are at most so many, and a line that says that there would be more. */
const maxPartsWithoutFile = 30;

export interface RenderedMessage {
  readonly parts: readonly Part[];
  /** Follows the parts. */
  readonly file: OutgoingFile | null;
}

/** The same text gives the same parts. None for a text of blanks. */
export function renderMessage(markdown: string, { dialect, limit, files }: Capabilities): RenderedMessage {
  const { outMax } = files;
  const fitsFile = outMax !== null && Buffer.byteLength(markdown) <= outMax;
  const most = fitsFile ? maxParts : maxPartsWithoutFile;
  const { parts, isComplete } = renderParts(markdown, { dialect, limit, maxParts: most });
  if (isComplete) return { parts, file: null };
  const say = (text: string) => renderParts(text, { dialect, limit }).parts;
  if (!fitsFile)
    return { parts: [...parts, ...say('The answer goes on, but it is too long for this chat.')], file: null };
  return {
    parts: say('The answer is long, so here it is as a file.'),
    file: { name: 'answer.md', mediaType: 'text/markdown', data: Buffer.from(markdown) },
  };
}

/** How much of an answer that is being written fits into the message that shows it; null: nothing to show yet. */
export function renderBeginning(markdown: string, { dialect, limit }: Capabilities): Part | null {
  const part = renderPreview(markdown, { dialect, limit });
  return part.text.trim() === '' ? null : part;
}
