/** The key-encryption key: from the environment, or a file made at first start. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRedactor, type Redactor } from '@nightshift/contracts';
import { closeFile } from './private-file.ts';

/** Encrypts data keys. `id` is stored beside what it encrypted, so that a rotation can tell old from new. */
export interface KeyEncryptionKey {
  readonly id: string;
  readonly bytes: Buffer;
  /** Learns what was sealed and opened with the key, to keep it out of texts. */
  readonly redactor: Redactor;
}

export class KeyringError extends Error {
  override readonly name = 'KeyringError';
}

function fromText(text: string, redactor: Redactor): KeyEncryptionKey {
  redactor.learn(text);
  const bytes = createHash('sha256').update('nightshift key encryption key\0').update(text).digest();
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 16), bytes, redactor };
}

/**
 * Writes a new key whole beside the path, then links it there: processes that start at once agree on the one that came
 * first, and none reads a file that another has only begun.
 */
function makeKeyFile(path: string, dataDirectory: string): void {
  const whole = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(whole, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true });
    linkSync(whole, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new KeyringError(`The secret key ${path} cannot be made: ${(cause as Error).message}`, { cause });
  } finally {
    rmSync(whole, { force: true });
  }
}

/**
 * `secretKey` wins; else `<dataDirectory>/secret-key` (mode 0600), made when there is none.
 * Losing it makes every stored credential unreadable, and nothing else.
 *
 * @throws {KeyringError} when the file can be neither read nor made
 */
export function loadKeyEncryptionKey(
  secretKey: string | undefined,
  dataDirectory: string,
  redactor = createRedactor(),
): KeyEncryptionKey {
  if (secretKey) return fromText(secretKey, redactor);
  const path = join(dataDirectory, 'secret-key');
  if (!existsSync(path)) makeKeyFile(path, dataDirectory);
  closeFile(path);
  const text = readFileSync(path, 'utf8').trim();
  if (text.length < 32)
    throw new KeyringError(`The secret key ${path} is damaged: restore it from a backup.`);
  return fromText(text, redactor);
}
