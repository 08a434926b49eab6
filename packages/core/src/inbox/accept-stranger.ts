/** What becomes of a message of somebody who is not answered: a code, a little that is kept, or nothing. */
import type { IdentityStatus } from '@nightshift/contracts';
import {
  type Admission,
  adviseStranger,
  countWaiting,
  evictStranger,
  identityKey,
  insertStranger,
  issueCode,
  isVouchedFor,
  lockWaiting,
  mayTell,
  placeOf,
  roomFor,
} from '../channels/index.ts';
import { type Database, newId, statement } from '../database/index.ts';
import type { AcceptedEvents, EventScope } from './accept-events.ts';
import { cutHeldText, type Held, hold, maxHeld } from './held.ts';
import type { Said } from './said.ts';
import { noteSeen } from './sender.ts';

type Query = Pick<Database, 'query'>;

type StrangerRow = {
  id: string;
  status: IdentityStatus;
  told: boolean;
  stale: boolean;
  held: Held[] | null;
};

// A code counts as told while it is good, unless its delivery failed, or said what it says in place of the code: a worker
// of an older version sent it. A web chat reads the code from here, so it stays there.
const find = statement<StrangerRow>(`
  SELECT i.id, i.status, i.held, i.last_seen_at < now() - interval '1 minute' AS stale,
    coalesce(i.code_expires_at > now(), false) AND NOT EXISTS (
      SELECT FROM delivery d JOIN channel c ON c.id = d.channel_id
      WHERE d.id = i.code_delivery_id
        AND (d.status IN ('dead', 'failed') OR d.status = 'sent' AND d.sealed IS NOT NULL AND c.kind <> 'web')) AS told
  FROM identity i WHERE i.channel_id = $1 AND i.external_id = $2`);

const findToKeep = statement<StrangerRow>(`${find.text} FOR NO KEY UPDATE OF i`);

/** @returns why it led to nothing; null: it led to something */
export async function acceptStranger(
  db: Query,
  scope: EventScope,
  event: Said,
  admission: Exclude<Admission, 'answer' | 'blocked'>,
  result: AcceptedEvents,
): Promise<string | null> {
  const key = [scope.id, identityKey(event.sender)];
  let [row] = await db.query(find, key);
  if (row && row.status !== 'pending') return 'stranger';
  const isSilent = admission === 'stranger';
  if (row && (row.told || isSilent)) {
    // Nothing more is written for somebody who goes on and on.
    if (row.stale) await noteSeen(db, row.id, event.sender.name);
    return isSilent ? 'stranger' : keep(db, scope, event, row.id);
  }

  await lockWaiting(db, scope.id);
  [row] = await db.query(find, key);
  if (row?.told) return keep(db, scope, event, row.id);
  const place = placeOf(event);
  const counts = await countWaiting(db, scope.id, place);
  if (!isSilent && !mayTell(place, counts)) return 'stranger';
  let identityId = row?.id ?? null;
  if (!identityId) {
    const room = roomFor(place, counts);
    if (room !== 'free' && !(await evictStranger(db, scope.id, { room, place }))) return 'stranger';
    const { sender } = event;
    identityId = await insertStranger(db, scope.id, {
      externalId: identityKey(sender),
      name: sender.name,
      vouched: isVouchedFor(sender),
      place,
    });
  }
  if (!identityId || isSilent) return 'stranger';
  const kept = await keep(db, scope, event, identityId);
  if (kept === 'duplicate') return kept;
  const { thread, threadKey, sender } = event;
  const knocker = { teamId: scope.teamId, channelId: scope.id, identityId, thread, threadKey };
  const lane =
    admission === 'pair'
      ? issueCode(db, scope.kek, knocker)
      : adviseStranger(db, knocker, sender.advice ?? '');
  result.lanes.add(await lane);
  return null;
}

const insertEvent = statement<{ id: string }>(`
  INSERT INTO inbound_event (id, team_id, source, external_id, channel_id, type, outcome, identity_id, ref)
  VALUES ($1, $2, $3, $4, $5, $6, 'pairing', $7, $8)
  ON CONFLICT (team_id, source, external_id) DO NOTHING RETURNING id`);

const update = statement(`UPDATE identity SET held = $2 WHERE id = $1`);

/** Keeps an event of somebody who waits, while few are kept. @returns why it was not; null: it was */
async function keep(
  db: Query,
  { id, teamId }: EventScope,
  event: Said,
  identityId: string,
): Promise<string | null> {
  // The row's lock: an approval at the same moment takes all that is kept, or comes first.
  const [row] = await db.query(findToKeep, [id, identityKey(event.sender)]);
  const before = row?.held ?? [];
  if (row?.id !== identityId || row.status !== 'pending' || before.length >= maxHeld) return 'stranger';
  const ref = event.type === 'message' ? (event.messageId ?? null) : null;
  const values = [newId(), teamId, id, event.externalId, id, event.type, identityId, ref];
  if ((await db.query(insertEvent, values)).length === 0) return 'duplicate';
  await db.query(update, [identityId, JSON.stringify([...before, hold(event, before)])]);
  return null;
}

const amend = statement<{ id: string }>(`
  UPDATE identity i SET held = (
    SELECT jsonb_agg(CASE WHEN kept->>'messageId' = $2 THEN
      CASE WHEN $3::text IS NULL THEN jsonb_build_object('externalId', kept->'externalId')
        ELSE jsonb_set(kept, '{text}', to_jsonb($3::text)) END ELSE kept END ORDER BY place)
    FROM jsonb_array_elements(i.held) WITH ORDINALITY AS kept (kept, place))
  FROM inbound_event e
  WHERE e.channel_id = $1 AND e.ref = $2 AND e.outcome = 'pairing' AND i.id = e.identity_id AND i.held IS NOT NULL
    AND ($4::text IS NULL OR i.external_id = $4)
  RETURNING i.id`);

/** Somebody who waits changes what is kept of them, or takes it back (`text` null). @returns false: nothing of that is kept */
export async function amendHeld(
  db: Query,
  channelId: string,
  change: { messageId: string; text: string | null; by: string | null },
): Promise<boolean> {
  const { messageId, text, by } = change;
  const cut = text === null ? null : cutHeldText(text);
  return (await db.query(amend, [channelId, messageId, cut, by])).length > 0;
}
