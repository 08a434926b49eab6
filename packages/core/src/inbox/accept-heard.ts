/** The short way in, which nearly every message takes. */
import { IdentityStatus, type MessageEvent } from '@nightshift/contracts';
import {
  admit,
  calledAgent,
  droppedAtOnce,
  identityKey,
  isGuestGroup,
  isListed,
  isVouchedFor,
  parseCommand,
} from '../channels/index.ts';
import { type Database, newId } from '../database/index.ts';
import { type Accepted, accepted, itemOf } from './accept.ts';
import type { KnownScope } from './accept-events.ts';
import { inboundOf } from './accept-said.ts';
import { acceptHeard } from './accept-statements.ts';
import { guardHint } from './loop-guard.ts';

/**
 * Most messages come alone, from somebody who is known, in a thread that is known, and change nothing else: one
 * statement takes them, together with what comes through other requests at the same moment. Null: this one is not so
 * plain, was stored before, or the channel is not the version any more that the caller has read.
 */
export async function acceptHeardMessage(
  db: Pick<Database, 'gather'>,
  scope: KnownScope,
  event: MessageEvent,
): Promise<Accepted | null> {
  const { access, routes } = scope;
  const { sender, direct, group = null, workspace = null, addressed, text, threadKey } = event;
  const knock = { access, direct, addressed, group, sender };
  if (sender.isBot || event.album !== undefined || droppedAtOnce(knock) || parseCommand(text)) return null;
  const person = isVouchedFor(sender) ? sender.id : null;
  if (calledAgent(routes, { workspace, group, person, text })) return null;
  const statuses = IdentityStatus.options.filter((status) => admit(knock, status) === 'answer');
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
