/** What is stored of a connection to an XMPP server. */
import { z } from 'zod';
import type { Connection } from '../channel.ts';

export const Credentials = z.strictObject({
  password: z.string().min(1).max(300),
});

const bareJid = /^[^\s@/"&'<>:]+@[^\s@/]+$/;

/** `team@rooms.example.org`, and behind a space its password. */
function parseRooms(text: string): Room[] | null {
  const rooms = text
    .split(',')
    .map((entry) => entry.trim().split(/\s+/))
    .filter(([name]) => name)
    .map(([name = '', password, ...more]) => ({ name: name.toLowerCase(), password, more }));
  return rooms.some(({ name, more }) => !bareJid.test(name) || more.length > 0)
    ? null
    : rooms.map(({ name, password }) => ({ name, password }));
}

export interface Room {
  readonly name: string;
  readonly password: string | undefined;
}

export const Settings = z.strictObject({
  /** A bare one. */
  address: z
    .string()
    .trim()
    .toLowerCase()
    .max(500)
    .regex(bareJid, 'It is an address such as nightbot@example.org.'),
  host: z
    .string()
    .trim()
    .toLowerCase()
    .max(253)
    .regex(/^[\w.:-]+$/, 'It is the name of a server.')
    .optional(),
  port: z.number().int().min(1).max(65_535).optional(),
  /** `none`: everybody on the way reads along. The password is never sent over it as it is. */
  encryption: z.enum(['starttls', 'tls', 'none']).default('starttls'),
  nick: z
    .string()
    .trim()
    .min(1)
    .max(60)
    .regex(/^[^\p{Cc}/@]+$/u, 'It is a name without slashes.')
    .optional(),
  rooms: z
    .string()
    .max(4_000)
    .refine((text) => parseRooms(text) !== null, 'It is a list such as: team@rooms.example.org')
    .default(''),
  contacts: z.enum(['accept', 'ignore']).default('accept'),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;
export type XmppConnection = Connection<Credentials, Settings>;

export const roomsOf = ({ rooms }: Settings): Room[] => parseRooms(rooms) ?? [];

export const nickOf = ({ nick, address }: Settings): string => nick ?? address.split('@')[0]!;

/** What each is for: https://xmpp.org/registrar/namespaces.html */
export const ns = {
  chatStates: 'http://jabber.org/protocol/chatstates',
  correct: 'urn:xmpp:message-correct:0',
  delay: 'urn:xmpp:delay',
  /** Its predecessor: https://xmpp.org/extensions/xep-0091.html */
  delayed: 'jabber:x:delay',
  discoInfo: 'http://jabber.org/protocol/disco#info',
  call: 'urn:xmpp:jingle-message:0',
  carbons: 'urn:xmpp:carbons:2',
  /** Says that a message is encrypted, and how: https://xmpp.org/extensions/xep-0380.html */
  encryption: 'urn:xmpp:eme:0',
  fallback: 'urn:xmpp:fallback:0',
  forward: 'urn:xmpp:forward:0',
  muc: 'http://jabber.org/protocol/muc',
  mucUser: 'http://jabber.org/protocol/muc#user',
  occupantId: 'urn:xmpp:occupant-id:0',
  omemo: 'eu.siacs.conversations.axolotl',
  /** Newer ones: https://xmpp.org/extensions/xep-0384.html#versioning */
  omemo1: 'urn:xmpp:omemo:1',
  omemo2: 'urn:xmpp:omemo:2',
  /** https://xmpp.org/extensions/xep-0373.html */
  openpgp: 'urn:xmpp:openpgp:0',
  /** https://xmpp.org/extensions/xep-0027.html */
  oldPgp: 'jabber:x:encrypted',
  oob: 'jabber:x:oob',
  ping: 'urn:xmpp:ping',
  reactions: 'urn:xmpp:reactions:0',
  receipts: 'urn:xmpp:receipts',
  reference: 'urn:xmpp:reference:0',
  reply: 'urn:xmpp:reply:0',
  retract: 'urn:xmpp:message-retract:1',
  stanzaId: 'urn:xmpp:sid:0',
  stanzas: 'urn:ietf:params:xml:ns:xmpp-stanzas',
} as const;
