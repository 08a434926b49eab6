/** The short way in, which nearly every message takes. */
import type { MessageEvent } from '@nightshift/contracts';
import {
  answeredStatuses,
  calledAgent,
  droppedAtOnce,
  identityKey,
  isGuestGroup,
  isListed,
  isVouchedFor,
} from '../channels/index.ts';
import { type Database, newId } from '../database/index.ts';
import { type Accepted, accepted, itemOf } from './accept.ts';
import type { KnownScope } from './accept-events.ts';
import { inboundOf } from './accept-said.ts';
import { acceptHeard } from './accept-statements.ts';
import { guardHint } from './loop-guard.ts';
import { noteUnaddressed } from './room.ts';
import { commandOf } from './said.ts';
import { isUnreadable } from './unsupported.ts';

/**
 * Most messages come alone, from somebody who is known, in a thread that is known, and change nothing else: one
 * statement takes them, together with what comes through other requests at the same moment. The same for messages of groups
 * that do not address the agent, of which there are many.
 *
 * @returns why it led to nothing; null: this one is not so plain, was stored before, or the channel is not the version any
 *   more that the caller has read
 */
export async function acceptHeardMessage(
  db: Pick<Database, 'gather' | 'gatherRelaxed'>,
  scope: KnownScope,
  event: MessageEvent,
): Promise<Accepted | string | null> {
  const { access, routes } = scope;
  const { sender, direct, group = null, workspace = null, addressed, text, threadKey } = event;
  const knock = { access, direct, addressed, group, sender };
  if (event.album !== undefined) return null;
  const statuses = answeredStatuses(knock);
  const dropped = droppedAtOnce(knock);
  if (dropped === 'not_addressed') {
    const outcome = await noteUnaddressed(db, scope, event, statuses);
    if (outcome === 'not_addressed') return outcome;
    if (outcome !== 'follow_up') return null;
  } else if (dropped) return null;
  if (sender.isBot || isUnreadable(event) || commandOf(event)) return null;
  const person = isVouchedFor(sender) ? sender.id : null;
  if (calledAgent(routes, { workspace, group, person, text })) return null;
  if (statuses.length === 0) return null;
  const row = await db.gather(acceptHeard, {
    ...itemOf(inboundOf(scope, event, 0), event.externalId, newId()),
    thread_key: threadKey,
    sender_id: identityKey(sender),
    sender_name: sender.name,
    statuses,
    listed: isListed(knock),
    guest: isGuestGroup(knock),
    version: scope.version,
    per_minute: access.limits.messagesPerMinute,
    ...guardHint(text),
  });
  return row ? accepted(row) : null;
}
