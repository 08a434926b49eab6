/**
 * Envelope encryption, AES-256-GCM: a fresh data key per record encrypts the secret, the key-encryption key
 * encrypts the data key. Both are bound to `context` (team, record, field): a sealed value copied into another
 * row does not open.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { KeyEncryptionKey } from './keyring.ts';

/** Base64 fields of `iv | tag | ciphertext`. */
export interface Sealed {
  v: 1;
  kid: string;
  key: string;
  data: string;
}

/** The secret cannot be read: another key sealed it, or it was altered. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

function encrypt(key: Buffer, plain: Buffer, context: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), data]).toString('base64');
}

function decrypt(key: Buffer, sealed: string, context: string): Buffer {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
    .setAAD(Buffer.from(context))
    .setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
}

/** What a sealed value is bound to. */
export const sealContext = (teamId: string, recordId: string, field: string) =>
  `${teamId}/${recordId}/${field}`;

export function seal(kek: KeyEncryptionKey, secret: string, context: string): Sealed {
  const dataKey = randomBytes(32);
  return {
    v: 1,
    kid: kek.id,
    key: encrypt(kek.bytes, dataKey, context),
    data: encrypt(dataKey, Buffer.from(secret), context),
  };
}

/** @throws {UnsealError} */
export function unseal(kek: KeyEncryptionKey, sealed: Sealed, context: string): string {
  if (sealed.kid !== kek.id) {
    throw new UnsealError(
      'It was stored under another NIGHTSHIFT_SECRET_KEY: restore that key or store the secret again.',
    );
  }
  try {
    return decrypt(decrypt(kek.bytes, sealed.key, context), sealed.data, context).toString();
  } catch (cause) {
    throw new UnsealError('The stored secret is damaged: store it again.', { cause });
  }
}
