/** What is stored of a connection to an IRC network. */
import { z } from 'zod';
import type { Connection } from '../channel.ts';

// Whatever is in a parameter ends at a space, and a line at CR, LF or NUL: https://modern.ircdocs.horse/#message-format
const word = z
  .string()
  .trim()
  .regex(/^[^\s\0,:][^\s\0,]*$/, 'It is one word, without commas.');

const secret = z
  .string()
  .min(1)
  .max(300)
  .regex(/^[^\r\n\0]*$/, 'It is one line.');

export const Credentials = z.strictObject({
  /** Of the account at the network's services; absent: none is logged in to. */
  password: secret.optional(),
  /** Of the server itself; few have one. */
  serverPassword: secret.optional(),
});

export interface Room {
  readonly name: string;
  readonly key: string | undefined;
}

/** `#support, #dev key`. */
function parseRooms(text: string): Room[] | null {
  const rooms = text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => /^([#&!+][^\s\0\x07:]{1,63})(?: +([^\s\0:]{1,63}))?$/.exec(entry));
  return rooms.some((room) => room === null)
    ? null
    : rooms.map((room) => ({ name: room![1]!, key: room![2] }));
}

export const Settings = z.strictObject({
  host: z
    .string()
    .trim()
    .toLowerCase()
    .max(253)
    .regex(/^[\w.:-]+$/, 'It is the name of a server, such as irc.libera.chat.'),
  port: z.number().int().min(1).max(65_535).optional(),
  /** `none`: everybody on the way reads along, the password, too. */
  encryption: z.enum(['tls', 'none']).default('tls'),
  nick: word.max(30),
  /** Of the services, when it is not the nick. */
  account: word.max(60).optional(),
  login: z.enum(['sasl', 'nickserv']).default('sasl'),
  channels: z
    .string()
    .max(2_000)
    .refine((text) => parseRooms(text) !== null, 'It is a list such as: #support, #dev')
    .default(''),
});

export type Credentials = z.infer<typeof Credentials>;
export type Settings = z.infer<typeof Settings>;
export type IrcConnection = Connection<Credentials, Settings>;

export const roomsOf = ({ channels }: Settings): Room[] => parseRooms(channels) ?? [];

/** https://datatracker.ietf.org/doc/html/rfc7194 for TLS. */
export const portOf = ({ port, encryption }: Settings): number =>
  port ?? (encryption === 'tls' ? 6697 : 6667);
