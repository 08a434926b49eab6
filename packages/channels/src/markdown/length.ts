/** How platforms count. */
import { graphemes } from './characters.ts';

/** The longest text of one message, and how the platform counts it. */
export interface TextLimit {
  readonly max: number;
  readonly unit: 'utf16' | 'bytes' | 'codePoints' | 'graphemes';
  /** Where each line is sent by itself: most lines with something on them. */
  readonly lines?: number;
  /** Where each message is paid by what the phone networks make of it: most segments. */
  readonly segments?: number;
}

export const lengthIn: Readonly<Record<TextLimit['unit'], (text: string) => number>> = {
  utf16: (text) => text.length,
  bytes: (text) => Buffer.byteLength(text),
  codePoints: (text) => [...text].length,
  graphemes: (text) => [...graphemes.segment(text)].length,
};

/** UTF-16 code units that a text within the limit has at most, as far as people write. */
export function mostUnits({ max, unit }: TextLimit): number {
  return max * (unit === 'graphemes' ? 8 : unit === 'codePoints' ? 2 : 1);
}
