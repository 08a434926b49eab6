/** From what an agent says to what a platform is sent. */
import type { Capabilities, OutgoingFile, Part } from './channel.ts';
import { renderParts, renderPreview } from './markdown/render.ts';

/** More messages in a row than this are a flood; the answer is sent as a file then, where the platform has files. */
const mostParts = 10;

export interface RenderedMessage {
  readonly parts: readonly Part[];
  /** Follows the parts. */
  readonly file: OutgoingFile | null;
}

/** The same text gives the same parts. None for a text of blanks. */
export function renderMessage(text: string, { dialect, limit, files }: Capabilities): RenderedMessage {
  const fitsAFile = files.outMax !== null && Buffer.byteLength(text) <= files.outMax;
  const { parts, isComplete } = renderParts(text, {
    dialect,
    limit,
    ...(fitsAFile && { maxParts: mostParts }),
  });
  if (isComplete) return { parts, file: null };
  return {
    parts: [{ text: 'The answer is long, so here it is as a file.' }],
    file: { name: 'answer.md', mediaType: 'text/markdown', data: Buffer.from(text) },
  };
}

/** How much of an answer that is being written fits into the message that shows it; null: nothing to show yet. */
export function renderBeginning(text: string, { dialect, limit }: Capabilities): Part | null {
  const part = renderPreview(text, { dialect, limit });
  return part.text.trim() === '' ? null : part;
}
