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

export function admit({ access, direct, group, sender }: Knock, status: IdentityStatus): Admission {
  if (status === 'blocked') return 'blocked';
  const known = status === 'approved' || access.people.includes(sender.id) || access.strangers === 'answer';
  const { open } = access.groups;
  const openGroup = !direct && (open.includes('*') || (group !== null && open.includes(group)));
  if (known || openGroup) return 'answer';
  // A code in a group would be read by all of it.
  return direct && access.strangers === 'pair' ? 'pair' : 'stranger';
}
