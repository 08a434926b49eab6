/** Who is answered. Pure: what is known of a sender comes in, what is to become of the message goes out. */
import type { ChannelAccess, IdentityStatus } from '@nightshift/contracts';

export interface Knock {
  access: ChannelAccess;
  direct: boolean;
  addressed: boolean;
  group: string | null;
  sender: { id: string; isBot: boolean; isSelf: boolean };
}

/** Why a message is dropped before anybody is looked up. They are many in a busy group, and leave no row. */
export function droppedAtOnce({ access, direct, addressed, sender }: Knock): string | null {
  if (sender.isSelf) return 'own';
  if (sender.isBot && access.programs === 'ignore') return 'program';
  if (direct) return null;
  if (access.groups.answer === 'never') return 'group';
  return access.groups.answer === 'addressed' && !addressed ? 'not_addressed' : null;
}

/** pair: tell the sender a code. */
export type Admission = 'answer' | 'pair' | 'blocked' | 'stranger';

type Place = Pick<Knock, 'access' | 'direct' | 'group'>;

const isOpenGroup = ({ access: { groups }, direct, group }: Place): boolean =>
  !direct && (groups.open.includes('*') || (group !== null && groups.open.includes(group)));

export function admit(knock: Knock, status: IdentityStatus): Admission {
  const { access, direct } = knock;
  if (status === 'blocked') return 'blocked';
  const known = status === 'approved' || isListed(knock) || access.strangers === 'answer';
  if (known || isOpenGroup(knock)) return 'answer';
  // A code in a group would be read by all of it.
  return direct && access.strangers === 'pair' ? 'pair' : 'stranger';
}

/** Named in the settings, which counts as being approved. */
export const isListed = ({ access, sender }: Knock): boolean => access.people.includes(sender.id);

/**
 * Whether people who are not approved may speak in this group. Everyone is a guest there, approved or not: what one of
 * them says can steer what the agent does for the next.
 */
export const isGuestGroup = (place: Place): boolean =>
  !place.direct && (place.access.strangers === 'answer' || isOpenGroup(place));

/** Whether what tools keep for this sender is kept apart from what they keep for the team. */
export const isGuest = (knock: Knock, status: IdentityStatus): boolean =>
  knock.direct ? status !== 'approved' && !isListed(knock) : isGuestGroup(knock);
