/** What a model is told of the place that its answer goes to: how long it may be there, and what did not reach the person. */

import { withoutSigns } from './speakers.ts';

/** An answer that was too long for its place. */
export interface CutAnswer {
  /** parts: its beginning arrived · file: it arrived as a file. */
  readonly as: 'parts' | 'file';
  readonly percent: number;
  /** The last words that arrived. */
  readonly end: string;
}

export interface PlaceLimits {
  /** The platform, for people: SMS, IRC. */
  readonly name: string;
  /** Text is shown as it is: no Markdown. */
  readonly isPlain: boolean;
  /** About so many characters of an answer arrive. */
  readonly characters: number;
  /** What is longer arrives as a file; else it is cut. */
  readonly asFile: boolean;
  /** Of the last answers in the conversation, the newest first. */
  readonly cut: readonly CutAnswer[];
}

/** Nobody writes so much in one answer by accident. */
const ampleCharacters = 30_000;

/** A section of the system prompt; null: there is nothing to know. */
export function describePlaceLimits(place: PlaceLimits | null): string | null {
  if (!place) return null;
  const { name, isPlain, characters, asFile, cut } = place;
  const about = roundDown(characters).toLocaleString('en-US');
  const lines = [
    ...(isPlain ? [`Answers here go to ${name} as plain text: without Markdown and without tables.`] : []),
    ...(characters >= ampleCharacters
      ? []
      : asFile
        ? [
            `An answer of more than about ${about} characters goes to ${name} as a file, which fewer people read.`,
          ]
        : [
            `At most about ${about} characters of an answer reach the person in ${name}; the rest is cut off. Keep within ` +
              'that, and offer to go on where there is more to say.',
          ]),
    ...cut.map(describeCut),
  ];
  return lines.length > 0 ? lines.join('\n') : null;
}

const which = ['Your last answer', 'An answer before that', 'An answer still earlier'];

function describeCut({ as, percent, end }: CutAnswer, at: number): string {
  const what = which[at] ?? which.at(-1)!;
  if (as === 'file') return `${what} that was too long went to the person as the file answer.md.`;
  return (
    `${what} that was too long was cut: the person has read only its first ${percent} %, which ends with ` +
    `${JSON.stringify(withoutSigns(end))}. They have not seen what follows in your text. When they ask for more, go on from there.`
  );
}

/** To two digits, so that it reads as the estimate that it is. */
function roundDown(characters: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(characters)) - 1);
  return Math.floor(characters / step) * step;
}
