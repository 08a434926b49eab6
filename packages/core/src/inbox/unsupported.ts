/** Messages that hold nothing that anybody here can read: a sentence instead of a run. */
import type { MessageEvent } from '@nightshift/contracts';
import { countNotices, writeNotice } from '../channels/index.ts';
import { type Database, statement } from '../database/index.ts';
import type { AcceptedEvents, EventScope } from './accept-events.ts';

/** Kinds that have their own words, and are counted by their name: as adapters call them, and in the plural. */
const plurals: Readonly<Record<string, string>> = {
  audio: 'recordings',
  call: 'calls',
  card: 'cards',
  checklist: 'checklists',
  contact: 'contacts',
  dice: 'dice',
  'encrypted mail': 'encrypted mails',
  'encrypted message': 'encrypted messages',
  event: 'events',
  file: 'files of this kind',
  form: 'forms',
  game: 'games',
  gift: 'gifts',
  giveaway: 'giveaways',
  invoice: 'invoices',
  location: 'locations',
  media: 'media of this kind',
  order: 'orders',
  'paid media': 'paid media',
  poll: 'polls',
  product: 'products',
  sticker: 'stickers',
  story: 'stories',
  video: 'videos',
  'view-once message': 'view-once messages',
  'voice message': 'voice messages',
};

const isEncrypted = (kind: string) => kind.startsWith('encrypted ');

/** For a label of bounded size. */
const labelOf = (kind: string): string =>
  Object.hasOwn(plurals, kind) ? kind.replaceAll(' ', '_') : 'other';

/** It came with things that nobody here can read, and nothing else. */
export const isUnreadable = ({ text, attachments = [], unsupported = [] }: MessageEvent): boolean =>
  unsupported.length > 0 && attachments.length === 0 && text.trim() === '';

/** A thread is told so once in so many minutes. */
const silenceMinutes = 1;

const beginning = 'I cannot read ';

/** What the sender is told. */
export function unreadableNotice(kinds: readonly string[]): string {
  const known = [...new Set(kinds.flatMap((kind) => (Object.hasOwn(plurals, kind) ? [plurals[kind]!] : [])))];
  const hasOthers = known.length === 0 || kinds.some((kind) => !Object.hasOwn(plurals, kind));
  const names = [
    ...known,
    ...(hasOthers ? [known.length > 0 ? 'other messages of this kind' : 'messages of this kind'] : []),
  ];
  const list = names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : names[0];
  const way = kinds.every(isEncrypted) ? 'send it without encryption' : 'write it as text';
  return `${beginning}${list} yet. Could you ${way}?`;
}

// Two at once must not both find that nothing was said.
const lock = statement(`SELECT pg_advisory_xact_lock(hashtextextended($1, 7306017))`);

/** Says so in the thread, and counts it by kind. The event is stored already. @returns null: it led to something */
export async function answerUnreadable(
  db: Pick<Database, 'query'>,
  { id: channelId, teamId }: Pick<EventScope, 'id' | 'teamId'>,
  { unsupported = [], thread, threadKey }: MessageEvent,
  conversationId: string | null,
  { unsupported: counts, lanes }: AcceptedEvents,
): Promise<null> {
  for (const label of new Set(unsupported.map(labelOf))) counts.set(label, (counts.get(label) ?? 0) + 1);
  await db.query(lock, [`${channelId}/${threadKey}`]);
  const said = { begins: beginning, minutes: silenceMinutes };
  if ((await countNotices(db, { channelId, threadKey }, said)) > 0) return null;
  const text = unreadableNotice(unsupported);
  const notice = { teamId, channelId, thread, threadKey, conversationId, text };
  lanes.add((await writeNotice(db, notice)).lane);
  return null;
}
