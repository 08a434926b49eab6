/** Messages whose words nobody here can read; the body beside them is for programs that cannot decrypt. */
import type { Element } from '@xmpp/client';
import { ns } from './connection.ts';

/**
 * `message`: somebody says something · `keys`: two programs agree on keys, and nobody says anything. Null: it is not
 * encrypted.
 */
export function encryptionOf(stanza: Element): 'message' | 'keys' | null {
  const omemo = [ns.omemo, ns.omemo1, ns.omemo2].map((each) => stanza.getChild('encrypted', each));
  const sealed = omemo.find((each) => each !== undefined);
  // Without a payload it brings only a key: https://xmpp.org/extensions/xep-0384.html#usecases-keysend
  if (sealed) return sealed.getChild('payload') || hasBody(stanza) ? 'message' : 'keys';
  const isSealed =
    stanza.getChild('encryption', ns.encryption) ??
    stanza.getChild('openpgp', ns.openpgp) ??
    stanza.getChild('x', ns.oldPgp);
  // https://otr.cypherpunks.ca/Protocol-v3-4.0.0.html
  return isSealed || /^\s*\?OTR/.test(stanza.getChildText('body') ?? '') ? 'message' : null;
}

const hasBody = (stanza: Element) => (stanza.getChildText('body') ?? '').trim() !== '';
