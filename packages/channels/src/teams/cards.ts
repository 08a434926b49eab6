/**
 * A message with buttons, as a card. One activity with a text beside a card is split by Teams, which then does not say
 * what its id is: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/conversation-messages
 */
import { type Button, ChannelError } from '../channel.ts';

/** https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference#adaptive-card */
const cardType = 'application/vnd.microsoft.card.adaptive';
const maxButtons = 6;

/** `html`: in the dialect. It loses its looks: runs of text show exactly what they hold, and no card takes HTML. */
export function toCard(html: string, buttons: readonly Button[]): object {
  if (buttons.length > maxButtons)
    throw new ChannelError('rejected', `A card of Teams shows at most ${maxButtons} buttons.`);
  return {
    contentType: cardType,
    content: {
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      type: 'AdaptiveCard',
      version: '1.4',
      msteams: { width: 'Full' },
      body: toLines(html).map((text) => ({
        type: 'RichTextBlock',
        spacing: 'Small',
        inlines: [{ type: 'TextRun', text }],
      })),
      actions: buttons.map(({ label, value }) => ({
        type: 'Action.Submit',
        title: label,
        data: { nightshift: value },
      })),
    },
  };
}

const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

/** What can be read of HTML that we wrote: a line for a block, the address behind a link that does not show it. */
export function toLines(html: string): string[] {
  const text = html
    .replace(/<a href="([^"<>]*)"[^<>]*>([^<]*)<\/a>/g, (_all, url, label) =>
      label === url ? url : `${label} (${url})`,
    )
    .replace(/<li[^<>]*>/g, '\n• ')
    .replace(/<(?:br|hr|\/?(?:p|pre|ul|ol|blockquote|h\d|div))\b[^<>]*>/g, '\n')
    .replace(/<\/?[a-z][^<>]*>/g, '')
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,6}));/gi, (all, decimal, hex, name) => {
      if (name) return entities[name] ?? all;
      const code = decimal ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    });
  return text.split('\n').filter((line) => line.trim() !== '');
}
