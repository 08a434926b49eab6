/** What people are told of a conversation's place, and of what its messages came with. */
import type { Conversation, Message } from '@nightshift/contracts';
import { shortenText } from '@nightshift/contracts/text';
import { oneLine } from './terminal/text.ts';

/** The channel and the place in it; empty: over the API. */
export function whereOf({ channel, place }: Conversation): string {
  if (!channel) return '';
  const named = place?.name ?? (place && place.kind !== 'mail' ? place.kind : null);
  const part = place?.kind === 'thread' || place?.kind === 'topic' ? place.kind : null;
  const thread = part && place?.name ? ` (${part})` : '';
  return oneLine(`${channel.name}${named === null ? '' : ` ${named}${thread}`}`);
}

/** What a message came with besides its text, a line each. */
export function notesOn(message: Message): string[] {
  const { quoted, forwarded, addressees, attachments, unsupported, saidBefore, amends, amended } = message;
  const author = quoted?.author?.isSelf ? 'the agent' : (quoted?.author?.name ?? 'an earlier message');
  const does = { edited: 'changes', deleted: 'takes back', files: 'adds files to' };
  return [
    ...(addressees && addressees.to.length > 0 ? [`to ${addressees.to.join(', ')}`] : []),
    ...(addressees && addressees.cc.length > 0 ? [`cc ${addressees.cc.join(', ')}`] : []),
    ...(saidBefore.length > 0
      ? [
          `with ${saidBefore.length} ${saidBefore.length === 1 ? 'message' : 'messages'} said in the room before`,
        ]
      : []),
    ...(forwarded ? [`forwards what ${forwarded.from ?? 'somebody'} wrote`] : []),
    ...(quoted ? [`answers ${author}${quoted.text ? `: ${shortenText(quoted.text, 100)}` : ''}`] : []),
    ...(amends ? [`${does[amends.how]} an earlier message`] : []),
    ...attachments.map(({ name, mediaType }) => `file ${name}, ${mediaType}`),
    ...(unsupported.length > 0 ? [`could not be read: ${unsupported.join(', ')}`] : []),
    ...(amended ? [amended.text === null ? 'taken back later' : `changed later to: ${amended.text}`] : []),
  ];
}
