/** Somebody with an XMPP client of their own. */
import { type Child, client, type Element, type XmppClient, xml } from '@xmpp/client';
import { until } from '../faults/until.ts';
import { password } from './prosody.ts';

export interface Person {
  readonly client: XmppClient;
  /** Every message that came, in order. */
  readonly messages: Element[];
  /** What others said in a place (`ann@localhost` or a room), as it reads now: corrections are in it. */
  shown(from: string): string[];
  /** How often something was corrected. */
  corrections(): number;
  say(to: string, text: string, more?: { type?: string; id?: string; children?: Child[] }): Promise<void>;
  /** Waits until all has arrived that the server had for this person. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export async function joinXmpp(
  port: number,
  name: string,
  { rooms = [], nick = name }: { rooms?: readonly string[]; nick?: string } = {},
): Promise<Person> {
  const entity = client({
    service: `xmpp://127.0.0.1:${port}`,
    domain: 'localhost',
    resource: 'phone',
    username: name,
    timeout: 10_000,
    credentials: (authenticate) => authenticate({ username: name, password }, 'SCRAM-SHA-1', undefined),
  });
  entity.reconnect.stop();
  entity.on('error', () => {});
  // The library miscounts what it acknowledges, for which the server ends the connection: XEP-0198.
  entity.prependListener('element', (element: Element) => void element.remove('sm', 'urn:xmpp:sm:3'));
  const messages: Element[] = [];
  const presences: Element[] = [];
  entity.on('stanza', (stanza: Element) => {
    if (stanza.name === 'message') messages.push(stanza);
    if (stanza.name === 'presence') presences.push(stanza);
  });
  const online = new Promise<void>((resolve) => entity.on('online', () => resolve()));
  await entity.connect(`xmpp://127.0.0.1:${port}`);
  await entity.open({ domain: 'localhost' });
  await online;
  await entity.send(xml('presence', {}));
  const ask = (stanza: Element) => entity.iqCaller.request(stanza, 10_000);
  for (const room of rooms) {
    await entity.send(
      xml('presence', { to: `${room}/${nick}` }, xml('x', { xmlns: 'http://jabber.org/protocol/muc' })),
    );
    await until(`${name} is in ${room}`, () =>
      presences.some(({ attrs }) => attrs.from === `${room}/${nick}`),
    );
    // A room that is new is locked until its owner takes it as it is.
    const form = xml('x', { xmlns: 'jabber:x:data', type: 'submit' });
    const owner = xml('query', { xmlns: 'http://jabber.org/protocol/muc#owner' }, form);
    await ask(xml('iq', { type: 'set', to: room }, owner)).catch(() => undefined);
  }
  return {
    client: entity,
    messages,
    shown(from) {
      const texts = new Map<string, string>();
      for (const message of messages) {
        const body = message.getChildText('body');
        const { id = '', type } = message.attrs;
        if (body === null || type === 'error' || !message.attrs.from?.startsWith(from)) continue;
        const corrected = message.getChild('replace', 'urn:xmpp:message-correct:0')?.attrs.id;
        texts.set(corrected ?? id, body);
      }
      return [...texts.values()];
    },
    corrections: () =>
      messages.filter((message) => message.getChild('replace', 'urn:xmpp:message-correct:0')).length,
    say: (to, text, { type = 'chat', id, children = [] } = {}) =>
      entity.send(xml('message', { to, type, ...(id && { id }) }, xml('body', {}, text), ...children)),
    async sync() {
      await ask(xml('iq', { type: 'get', to: 'localhost' }, xml('ping', { xmlns: 'urn:xmpp:ping' })));
    },
    async close() {
      await entity.stop().catch(() => undefined);
    },
  };
}
