/** The key-encryption key: from the environment, or a file made at first start. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Encrypts data keys. `id` is stored beside what it encrypted, so that a rotation can tell old from new. */
export interface KeyEncryptionKey {
  readonly id: string;
  readonly bytes: Buffer;
}

export class KeyringError extends Error {
  override readonly name = 'KeyringError';
}

function fromText(text: string): KeyEncryptionKey {
  const bytes = createHash('sha256').update('nightshift key encryption key\0').update(text).digest();
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes };
}

/**
 * `secretKey` wins; else `<dataDirectory>/secret-key` (mode 0600), made when there is none.
 * Losing it makes every stored credential unreadable, and nothing else.
 *
 * @throws {KeyringError} when the file can be neither read nor made
 */
export function loadKeyEncryptionKey(secretKey: string | undefined, dataDirectory: string): KeyEncryptionKey {
  if (secretKey) return fromText(secretKey);
  const path = join(dataDirectory, 'secret-key');
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    // `wx`: two processes that start at once agree on the one file that came first.
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new KeyringError(`The secret key ${path} cannot be made: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  const text = readFileSync(path, 'utf8').trim();
  if (text.length < 32)
    throw new KeyringError(`The secret key ${path} is damaged: restore it from a backup.`);
  return fromText(text);
}
