/** From what an agent says to what a platform is sent. */
import type { Capabilities, OutgoingFile, Part } from './channel.ts';
import { renderParts, renderPreview } from './markdown/render.ts';

/** Where the platform has files: more messages in a row than this are a flood; the answer is sent as a file then. */
const maxParts = 10;

/** Where it has none, and nothing narrower is said of it: so many, and a line that says how much is left out. */
const maxPartsWithoutFile = 30;

export interface RenderedMessage {
  readonly parts: readonly Part[];
  /** Follows the parts. */
  readonly file: OutgoingFile | null;
}

/** The same text gives the same parts. None for a text of blanks. */
export function renderMessage(markdown: string, capabilities: Capabilities): RenderedMessage {
  const { dialect, limit, files } = capabilities;
  const { outMax } = files;
  const fitsFile = outMax !== null && Buffer.byteLength(markdown) <= outMax;
  const most = fitsFile ? maxParts : (capabilities.maxParts ?? maxPartsWithoutFile);
  const { parts, isComplete } = renderParts(markdown, { dialect, limit, maxParts: most });
  if (isComplete) return { parts, file: null };
  if (!fitsFile) return { parts: [...parts, leftOut(markdown, parts, capabilities)], file: null };
  return {
    parts: renderParts('The answer is long, so here it is as a file.', { dialect, limit }).parts,
    file: { name: 'answer.md', mediaType: 'text/markdown', data: Buffer.from(markdown) },
  };
}

function leftOut(markdown: string, parts: readonly Part[], { dialect, limit }: Capabilities): Part {
  const shown = parts.reduce((sum, { text }) => sum + text.length, 0);
  const left = Math.max(1, Math.round((1 - shown / markdown.length) * 100));
  const text = `The answer is too long for this chat: ${left} % of it is left out. Ask for the rest, or for less at once.`;
  return renderParts(text, { dialect, limit }).parts[0]!;
}

/** How much of an answer that is being written fits into the message that shows it; null: nothing to show yet. */
export function renderBeginning(markdown: string, { dialect, limit }: Capabilities): Part | null {
  const part = renderPreview(markdown, { dialect, limit });
  return part.text.trim() === '' ? null : part;
}
