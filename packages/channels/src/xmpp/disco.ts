/** What others say of themselves: https://xmpp.org/extensions/xep-0030.html#info */
import { xml } from '@xmpp/client';
import { nameOf } from '../particulars.ts';
import { ns } from './connection.ts';
import type { XmppSession } from './session.ts';

export interface Info {
  readonly features: ReadonlySet<string>;
  /** They call themselves a program: https://xmpp.org/registrar/disco-categories.html#client */
  readonly isBot: boolean;
  /** What it calls itself; null: nothing. */
  readonly name: string | null;
}

/** How long an answer is waited for, in milliseconds. */
const patienceMs = 5_000;

/** Null: no answer, or none that says anything. */
export async function askInfo({ client }: XmppSession, to: string): Promise<Info | null> {
  const question = xml('iq', { type: 'get', to }, xml('query', { xmlns: ns.discoInfo }));
  const answer = await client.iqCaller.request(question, patienceMs).catch(() => null);
  const query = answer?.getChild('query', ns.discoInfo);
  if (!query) return null;
  const identities = query.getChildren('identity').map(({ attrs }) => attrs);
  return {
    features: new Set(query.getChildren('feature').map(({ attrs }) => attrs.var ?? '')),
    isBot: identities.some(({ category, type }) => category === 'client' && type === 'bot'),
    name: nameOf(identities.find(({ name }) => name)?.name),
  };
}
