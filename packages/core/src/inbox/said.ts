/** What somebody said on a platform, as a message holds it. */
import {
  type ActionEvent,
  cutText,
  type MessageEvent,
  maxAttachments,
  maxMessageLength,
  type StoredPart,
} from '@nightshift/contracts';
import {
  type AnnouncedFile,
  announceFiles,
  attachmentOf,
  type Command,
  parseCommand,
} from '../channels/index.ts';

export type Said = MessageEvent | ActionEvent;

/** What a person tells the server rather than the agent. What they pass on of somebody else's is no such thing. */
export const commandOf = (event: Said): Command | null =>
  event.type === 'message' && event.forwarded ? null : parseCommand(textOfEvent(event));

export const textOfEvent = (event: Said) => (event.type === 'action' ? event.value : event.text);

export interface SaidContent {
  content: StoredPart[];
  /** The rows of what `content` refers to. */
  files: AnnouncedFile[];
}

export function contentOf(event: Said): SaidContent {
  const said = textOfEvent(event);
  const attachments = (event.type === 'message' && event.attachments) || [];
  const files = announceFiles(attachments);
  const left = attachments.length - files.length;
  const notes = [
    ...(said.length > maxMessageLength ? [`[The message was longer: only its beginning is here.]`] : []),
    ...(left > 0
      ? [`[${left} more files came with this message; at most ${maxAttachments} are taken.]`]
      : []),
  ];
  const text = [cutText(said, maxMessageLength), ...notes].filter(Boolean).join('\n\n');
  return { content: [...(text ? [{ type: 'text' as const, text }] : []), ...files.map(attachmentOf)], files };
}
