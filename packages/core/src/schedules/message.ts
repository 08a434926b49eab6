/** What an agent is told at a slot. */
import { nothingToReport } from '@nightshift/contracts';
import { formatLocal } from './wall-clock.ts';

export interface FireMessage {
  name: string;
  prompt: string;
  timezone: string;
  fireAt: Date;
  slots: number;
  manual: boolean;
}

export function fireMessage({ name, prompt, timezone, fireAt, slots, manual }: FireMessage): string {
  const note = [
    manual
      ? `Schedule "${name}", run now by hand.`
      : `Schedule "${name}", due at ${formatLocal(fireAt, timezone)} (${timezone}).`,
    slots > 1 ? `This one run stands for ${slots} slots: the server did not run at the others.` : '',
    `If there is nothing worth saying, answer exactly ${nothingToReport}.`,
  ];
  return `${prompt}\n\n[${note.filter(Boolean).join(' ')}]`;
}
