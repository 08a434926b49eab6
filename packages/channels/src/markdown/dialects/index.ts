import type { Root } from '../tree.ts';
import { renderDiscord } from './discord.ts';
import { renderEmail } from './email.ts';
import { renderIrc } from './irc.ts';
import { renderMarkdown } from './markdown.ts';
import { renderPlain } from './plain.ts';
import { renderSlack } from './slack.ts';
import { renderTeams } from './teams.ts';
import { renderTelegram, type TelegramEntity } from './telegram.ts';
import { renderWeb } from './web.ts';
import { renderWhatsApp } from './whatsapp.ts';
import { renderXmpp } from './xmpp.ts';

/** Text in the notation of a platform. Nothing in it notifies anybody: mentions that are wanted are sent beside it. */
export interface Rendered {
  readonly text: string;
  /** Of email and the web, where `text` is what is shown without HTML. */
  readonly html?: string;
  /** Of Telegram. */
  readonly entities?: readonly TelegramEntity[];
}

export const renderers = {
  slack: renderSlack,
  telegram: renderTelegram,
  whatsapp: renderWhatsApp,
  discord: renderDiscord,
  teams: renderTeams,
  email: renderEmail,
  irc: renderIrc,
  xmpp: renderXmpp,
  web: renderWeb,
  plain: renderPlain,
  markdown: renderMarkdown,
} satisfies Record<string, (root: Root) => Rendered>;

/** How a platform writes formatted text. */
export type Dialect = keyof typeof renderers;
export const dialects = Object.keys(renderers) as Dialect[];
