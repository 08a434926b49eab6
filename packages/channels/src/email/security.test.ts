import { expect, it } from 'vitest';
import { Settings } from './connection.ts';
import { certifiedName, encryptionFor } from './security.ts';

const settings = (encryption?: string) =>
  Settings.parse({
    address: 'agent@example.com',
    imapHost: 'imap.example.com',
    smtpHost: 'smtp.example.com',
    ...(encryption && { encryption }),
  });

it.each([
  ['imap.example.com', 993, undefined, 'tls'],
  ['smtp.example.com', 465, undefined, 'tls'],
  ['smtp.example.com', 587, undefined, 'starttls'],
  ['10.0.0.5', 143, undefined, 'starttls'],
  ['127.example.com', 143, undefined, 'starttls'],
  ['127.0.0.1', 143, undefined, 'optional'],
  ['localhost', 25, undefined, 'optional'],
  ['localhost', 993, undefined, 'tls'],
  ['127.0.0.1', 143, 'starttls', 'starttls'],
  ['mail.example.com', 10_993, 'tls', 'tls'],
  ['mail.example.com', 143, 'none', 'none'],
] as const)('%s:%i with %s is spoken to with %s', (host, port, encryption, expected) => {
  expect(encryptionFor(host, port, settings(encryption))).toBe(expected);
});

it('expects the certificate of the name, whatever address it has', () => {
  expect(certifiedName('imap.example.com')).toEqual({ servername: 'imap.example.com' });
  expect(certifiedName('192.0.2.1')).toEqual({});
});
