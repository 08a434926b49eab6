/** Who is answered. Pure: what is known of a sender comes in, what is to become of the message goes out. */
import type { ChannelAccess, IdentityStatus, Sender } from '@nightshift/contracts';

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
