/** Where senders come from, for what strangers cost to be shared out fairly. */
import { createHash } from 'node:crypto';
import type { Sender } from '@nightshift/contracts';

const longestPlace = 200;

/** Null: nothing tells one sender's place from another's, and they share what the channel has. */
export function placeOf({ sender, workspace }: { sender: Sender; workspace?: string | null }): string | null {
  const { id, place } = sender;
  const at = id.lastIndexOf('@');
  const found = place ?? workspace ?? (at > 0 && at < id.length - 1 ? id.slice(at + 1).toLowerCase() : null);
  if (found === null || found === '') return null;
  return found.length <= longestPlace ? found : createHash('sha256').update(found).digest('base64url');
}
