import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyringError, loadKeyEncryptionKey, seal, sealContext, UnsealError, unseal } from './index.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'secrets-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const kek = loadKeyEncryptionKey('a secret key of at least 32 characters', '');
const context = sealContext('team', 'record', 'apiKey');

describe('seal', () => {
  it.each(['', 'sk-secret', 'ключ 🦉', 'x'.repeat(100_000)])('opens what it sealed', (secret) => {
    expect(unseal(kek, seal(kek, secret, context), context)).toBe(secret);
  });

  it('shows nothing of the secret, and never the same twice', () => {
    const [first, second] = [seal(kek, 'sk-secret', context), seal(kek, 'sk-secret', context)];
    expect(JSON.stringify(first)).not.toContain('sk-secret');
    expect(first.key).not.toBe(second.key);
    expect(first.data).not.toBe(second.data);
  });

  it.each([
    ['another team', sealContext('other', 'record', 'apiKey')],
    ['another record', sealContext('team', 'other', 'apiKey')],
    ['another field', sealContext('team', 'record', 'password')],
  ])('does not open in %s', (_where, other) => {
    expect(() => unseal(kek, seal(kek, 'sk-secret', context), other)).toThrow(UnsealError);
  });

  it.each(['key', 'data'] as const)('does not open when its %s was altered', (field) => {
    const sealed = seal(kek, 'sk-secret', context);
    const bytes = Buffer.from(sealed[field], 'base64');
    bytes[bytes.length - 1]! ^= 1;
    const altered = { ...sealed, [field]: bytes.toString('base64') };
    expect(() => unseal(kek, altered, context)).toThrow(UnsealError);
    expect(() => unseal(kek, { ...sealed, [field]: '' }, context)).toThrow(UnsealError);
  });

  it('says that another key sealed it', () => {
    const other = loadKeyEncryptionKey('quite another key, of 32 characters', '');
    expect(() => unseal(other, seal(kek, 'sk-secret', context), context)).toThrow(/NIGHTSHIFT_SECRET_KEY/);
  });
});

describe('loadKeyEncryptionKey', () => {
  it('makes a key file once, for its owner alone', () => {
    const first = loadKeyEncryptionKey(undefined, join(directory, 'data'));
    const { id, bytes } = first;
    expect(loadKeyEncryptionKey(undefined, join(directory, 'data'))).toMatchObject({ id, bytes });
    expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'data', 'secret-key')).mode & 0o777).toBe(0o600);
  });

  it('prefers the key that is set, and does not touch the file then', () => {
    loadKeyEncryptionKey('a secret key of at least 32 characters', directory);
    expect(() => readFileSync(join(directory, 'secret-key'))).toThrow();
  });

  it('refuses a damaged file rather than sealing with half a key', () => {
    writeFileSync(join(directory, 'secret-key'), 'short\n');
    expect(() => loadKeyEncryptionKey(undefined, directory)).toThrow(KeyringError);
  });

  it('says which file cannot be made', () => {
    const file = join(directory, 'a-file');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    expect(() => loadKeyEncryptionKey(undefined, file)).toThrow(/secret-key|a-file/);
  });
});
