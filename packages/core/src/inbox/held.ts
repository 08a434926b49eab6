/**
 * What strangers write while they wait for approval. A little of it is kept with their identity, and enters the inbox like
 * any other message once they are approved.
 */
import type { MessageEvent } from '@nightshift/contracts';
import { isVouchedFor } from '../channels/index.ts';
import { commandOf, type Said } from './said.ts';

/** Events of a stranger that leave a row. */
export const maxHeld = 5;

/** Of all their texts together, in bytes of UTF-8. */
const maxHeldBytes = 8_192;

/** Of a text beside what it refers to. */
const minTextBytes = 1_000;

const referenceBytes = ({ quoted, addressees }: Partial<MessageEvent>): number =>
  quoted || addressees ? Buffer.byteLength(JSON.stringify([quoted, addressees])) : 0;

const maxHeldFiles = 5;
/** Where a file or a chat is found is an address; what is longer holds the bytes themselves. */
const maxAddressLength = 2_000;

/** An event that is only known to have come has its id alone. */
export type Held = MessageEvent | Pick<MessageEvent, 'externalId'>;

export const isHeldMessage = (held: Held): held is MessageEvent => 'type' in held;

const cutNote = '\n\n[The message was longer: only its beginning is here.]';

/** What is kept of an event, beside what is kept already. */
export function hold(event: Said, before: readonly Held[]): Held {
  const { externalId } = event;
  const isKept =
    event.type === 'message' &&
    isVouchedFor(event.sender) &&
    commandOf(event) === null &&
    JSON.stringify(event.thread).length <= maxAddressLength;
  if (!isKept) return { externalId };
  const used = before.reduce(
    (sum, held) => sum + (isHeldMessage(held) ? Buffer.byteLength(held.text) + referenceBytes(held) : 0),
    0,
  );
  const { quoted, addressees, ...plain } = event;
  // A reference takes room from the words, and is left out where it would leave none.
  const references = { ...(quoted && { quoted }), ...(addressees && { addressees }) };
  const hasRoom =
    used + referenceBytes(references) + Math.min(event.text.length, minTextBytes) <= maxHeldBytes;
  const kept: MessageEvent = hasRoom ? event : plain;
  const filesBefore = before.flatMap((held) => (isHeldMessage(held) ? (held.attachments ?? []) : []));
  const attachments = (event.attachments ?? [])
    .filter((file) => JSON.stringify(file).length <= maxAddressLength)
    .slice(0, Math.max(0, maxHeldFiles - filesBefore.length));
  const text = cutBytes(event.text, maxHeldBytes - used - referenceBytes(kept));
  return text === '' && attachments.length === 0 ? { externalId } : { ...kept, text, attachments };
}

/** What an edit makes of a text that is kept. The other messages of its sender have no part in its length. */
export const cutHeldText = (text: string): string => cutBytes(text, maxHeldBytes);

/** As much of a text as so many bytes hold, between two characters, with a note where it was cut. */
function cutBytes(text: string, max: number): string {
  // No unit of UTF-16 takes more than three bytes.
  if (text.length * 3 <= max || Buffer.byteLength(text) <= max) return text;
  const room = max - Buffer.byteLength(cutNote);
  if (room <= 0) return '';
  const bytes = Buffer.from(text.slice(0, room)).subarray(0, room);
  // As a stream that goes on: half a character at the end is left out.
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true }) + cutNote;
}
