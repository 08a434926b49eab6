/** Who is answered. Pure: what is known of a sender comes in, what is to become of the message goes out. */
import { type ChannelAccess, IdentityStatus, type MessageEvent, type Sender } from '@nightshift/contracts';

export interface Knock {
  access: ChannelAccess;
  direct: boolean;
  addressed: boolean;
  group: string | null;
  sender: Pick<Sender, 'id' | 'identity' | 'advice' | 'isBot' | 'isSelf'>;
}

/** The platform vouches that nobody else sends under this id. Everything that trusts a sender asks this. */
export const isVouchedFor = ({ identity }: Pick<Sender, 'identity'>): boolean => identity === 'account';

/**
 * What an identity's row is found by: a name is never found to be an account, nor an account to be a name, however they
 * are spelled.
 */
export const identityKey = (sender: Pick<Sender, 'id' | 'identity'>): string => {
  if (!isVouchedFor(sender)) return `name:${sender.id}`;
  return /^:*name:/.test(sender.id) ? `:${sender.id}` : sender.id;
};

/** The sender's id that a key was made of. */
export const idOfKey = (key: string, vouched: boolean): string =>
  vouched ? key.replace(/^:(?=:*name:)/, '') : key.replace(/^name:/, '');

/** Why a message is dropped before its sender is looked up. There are many in a busy group, and they leave no row. */
export function droppedAtOnce({ access, direct, addressed, sender }: Knock): string | null {
  if (sender.isSelf) return 'own';
  if (sender.isBot && access.programs === 'ignore') return 'program';
  if (direct) return null;
  if (access.groups.answer === 'never') return 'group';
  return access.groups.answer === 'addressed' && !addressed ? 'not_addressed' : null;
}

/**
 * Whether a message that does not address the agent may be for it all the same: it is said in a thread, by a person, and
 * mentions nobody else. It is for it if the thread is the agent's own (`isOwnThread`).
 */
export const isFollowUp = (
  { groups }: ChannelAccess,
  { where, mentionsOthers, sender, text, attachments = [] }: MessageEvent,
): boolean =>
  groups.followUps !== false &&
  where?.kind === 'thread' &&
  mentionsOthers !== true &&
  !sender.isBot &&
  (text.trim() !== '' || attachments.length > 0);

/** pair: send the sender a code · explain: say why there is none. */
export type Admission = 'answer' | 'pair' | 'explain' | 'blocked' | 'stranger';

type Place = Pick<Knock, 'access' | 'direct' | 'group'>;

const isOpenGroup = ({ access: { groups }, direct, group }: Place): boolean =>
  !direct && (groups.open.includes('*') || (group !== null && groups.open.includes(group)));

export function admit(knock: Knock, status: IdentityStatus): Admission {
  const { access, direct, sender } = knock;
  if (status === 'blocked') return 'blocked';
  const isApproved = isVouchedFor(sender) && (status === 'approved' || isListed(knock));
  if (isApproved || access.strangers === 'answer' || isOpenGroup(knock)) return 'answer';
  // A code in a group would be read by all of it.
  if (!direct || access.strangers !== 'pair') return 'stranger';
  if (isVouchedFor(sender)) return 'pair';
  return sender.advice === undefined ? 'stranger' : 'explain';
}

/** What an identity's status has to be for its messages to be answered. */
export const answeredStatuses = (knock: Knock): IdentityStatus[] =>
  IdentityStatus.options.filter((status) => admit(knock, status) === 'answer');

/** Named in the settings, which counts as being approved. */
export const isListed = ({ access, sender }: Knock): boolean =>
  isVouchedFor(sender) && access.people.includes(sender.id);

/**
 * Whether people who are not approved may speak in this group. Everyone is a guest there, approved or not: what one of
 * them says can steer what the agent does for the next.
 */
export const isGuestGroup = (place: Place): boolean =>
  !place.direct && (place.access.strangers === 'answer' || isOpenGroup(place));

/** Whether what tools keep for this sender is kept apart from what they keep for the team. */
export const isGuest = (knock: Knock, status: IdentityStatus): boolean =>
  knock.direct
    ? !(isVouchedFor(knock.sender) && (status === 'approved' || isListed(knock)))
    : isGuestGroup(knock);
