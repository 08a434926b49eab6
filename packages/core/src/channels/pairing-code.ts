/** Pairing codes: how they look, and how they are stored. */
import { createHmac, hkdfSync, randomInt } from 'node:crypto';
import type { KeyEncryptionKey } from '../secrets/index.ts';

/** Without letters that are read as digits, or make words. */
const alphabet = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLength = 8;

/** How long a code is good for. */
export const codeMinutes = 60;

export const newCode = (): string =>
  Array.from({ length: codeLength }, () => alphabet[randomInt(alphabet.length)]).join('');

/** As people read it. */
export const displayCode = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`;

/**
 * What is stored of a code: under a key, for there are too few codes to keep one secret by a plain hash. The key is
 * derived from the key-encryption key, so that a copy of the database alone is of no use.
 */
export function hashCode(kek: KeyEncryptionKey, channelId: string, code: string): Buffer {
  const key = Buffer.from(hkdfSync('sha256', kek.bytes, '', 'nightshift pairing codes', 32));
  return createHmac('sha256', key).update(`${channelId}/${code}`).digest();
}
