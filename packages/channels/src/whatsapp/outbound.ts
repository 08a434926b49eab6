/** What is sent: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages */
import { type Address, type Button, ChannelError, type Part } from '../channel.ts';

/** Of the text of a message, in characters. */
export const maxText = 4_096;

/** https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages */
const reply = { buttons: 3, text: 1_024, title: 20, id: 256 };
/** https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-list-messages */
const list = { rows: 10, text: 4_096, title: 24, description: 72, id: 200 };

/**
 * Who gets it. A phone number is preferred: those whom one has written to by number keep showing it.
 * @throws {ChannelError} rejected: the address names nobody
 */
export function recipientOf({ group, phone, user }: Address): object {
  const base = { messaging_product: 'whatsapp', recipient_type: group ? 'group' : 'individual' };
  if (group ?? phone) return { ...base, to: group ?? phone };
  if (user) return { ...base, recipient: user };
  throw new ChannelError('rejected', 'The address names neither a person nor a group.');
}

export function messageOf({ text, buttons = [] }: Part, to: Address): object {
  return { ...recipientOf(to), ...contentOf(text, buttons, to.group !== undefined) };
}

function contentOf(text: string, buttons: readonly Button[], inGroup: boolean): object {
  if (buttons.length === 0) return plain(text);
  // Groups have no buttons.
  if (!inGroup) {
    const titles = buttons.map(({ label }) => shorten(label, reply.title));
    if (
      buttons.length <= reply.buttons &&
      text.length <= reply.text &&
      buttons.every(({ value }) => value.length <= reply.id) &&
      // They must differ, and what was cut off may have been the difference.
      new Set(titles).size === titles.length
    )
      return interactive(text, {
        type: 'button',
        action: {
          buttons: buttons.map(({ value: id }, at) => ({ type: 'reply', reply: { id, title: titles[at] } })),
        },
      });
    if (
      buttons.length <= list.rows &&
      text.length <= list.text &&
      buttons.every(({ value }) => value.length <= list.id)
    )
      return interactive(text, {
        type: 'list',
        action: { button: 'Choose', sections: [{ title: 'Answers', rows: buttons.map(rowOf) }] },
      });
  }
  const numbered = `${text}\n\n${buttons.map(({ label }, at) => `${at + 1}. ${label}`).join('\n')}`;
  return plain(numbered.length <= maxText ? numbered : text);
}

const plain = (body: string) => ({ type: 'text', text: { preview_url: false, body } });
const interactive = (text: string, rest: object) => ({
  type: 'interactive',
  interactive: { body: { text }, ...rest },
});

function rowOf({ label, value: id }: Button): object {
  const title = shorten(label, list.title);
  return { id, title, ...(title !== label && { description: shorten(label, list.description) }) };
}

/** At most `max` UTF-16 units, without taking a character apart. */
function shorten(label: string, max: number): string {
  if (label.length <= max) return label;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(label)) {
    if (kept.length + segment.length > max - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}
