/** From what an agent says to what a platform is sent. */
import type { Capabilities, OutgoingFile, Part } from './channel.ts';
import { renderParts, renderPreview } from './markdown/render.ts';

/** More messages in a row than this are a flood; the answer is sent as a file then, where the platform has files. */
const maxParts = 10;

export interface RenderedMessage {
  readonly parts: readonly Part[];
  /** Follows the parts. */
  readonly file: OutgoingFile | null;
}

/** The same text gives the same parts. None for a text of blanks. */
export function renderMessage(markdown: string, { dialect, limit, files }: Capabilities): RenderedMessage {
  const { outMax } = files;
  const fitsFile = outMax !== null && Buffer.byteLength(markdown) <= outMax;
  const rendered = renderParts(markdown, { dialect, limit, ...(fitsFile && { maxParts }) });
  if (rendered.isComplete) return { parts: rendered.parts, file: null };
  return {
    parts: renderParts('The answer is long, so here it is as a file.', { dialect, limit }).parts,
    file: { name: 'answer.md', mediaType: 'text/markdown', data: Buffer.from(markdown) },
  };
}

/** How much of an answer that is being written fits into the message that shows it; null: nothing to show yet. */
export function renderBeginning(markdown: string, { dialect, limit }: Capabilities): Part | null {
  const part = renderPreview(markdown, { dialect, limit });
  return part.text.trim() === '' ? null : part;
}
