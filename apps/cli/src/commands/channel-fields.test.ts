import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readOthers, readRoutes } from './channel-access.ts';
import { renderKinds } from './channel-add.ts';
import { checkValue, type Field, partsOf, readFieldOptions } from './channel-fields.ts';

const field = (more: Partial<Field> & { name: string }): Field => ({
  in: 'settings',
  label: more.name,
  help: '',
  secret: false,
  required: false,
  type: 'text',
  ...more,
});
const entry = {
  slug: 'mail',
  name: 'Mail',
  summary: '',
  connects: [],
  setup: [],
  docs: '',
  defaults: { strangers: 'pair' as const, live: true },
  fields: [
    field({ name: 'host', required: true, pattern: '^[a-z.]+$', expects: 'must be a host name' }),
    field({ name: 'port', type: 'number', min: 1, max: 65535 }),
    field({ name: 'url', type: 'url' }),
    field({ name: 'files', type: 'boolean' }),
    field({
      name: 'mode',
      type: 'choice',
      choices: [
        { value: 'a', label: 'A' },
        { value: 'b', label: 'B' },
      ],
    }),
    field({
      name: 'token',
      in: 'credentials',
      secret: true,
      pattern: '^\\d+:\\w+$',
      expects: 'It is 1:abc.',
    }),
    field({ name: 'key', in: 'credentials', secret: true }),
  ],
};
const of = (name: string) => entry.fields.find((each) => each.name === name)!;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'channel-fields-'));
  writeFileSync(join(directory, 'token'), '12:secret\r\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('checkValue', () => {
  it.each([
    ['host', 'mail.example', { value: 'mail.example' }],
    ['host', 'Mail.Example', { value: 'Mail.Example' }],
    ['host', 'mail example', { problem: 'It must be a host name.' }],
    ['port', '993', { value: 993 }],
    ...['0', '65536', '1e3', '-1', '99.3', ' ', 'imap'].map(
      (text) => ['port', text, { problem: 'It is a whole number from 1 to 65535.' }] as const,
    ),
    ['url', 'https://a.example/x', { value: 'https://a.example/x' }],
    ['url', 'a.example', { problem: 'It is an address that begins with http:// or https://.' }],
    ['files', 'false', { value: false }],
    ['files', 'yes', { problem: 'It is true or false.' }],
    ['mode', 'b', { value: 'b' }],
    ['mode', 'c', { problem: 'It is one of a, b.' }],
    ['token', 'xyz', { problem: 'It is 1:abc.' }],
  ] as const)('of %s, %j gives %o', (name, text, checked) =>
    expect(checkValue(of(name), text)).toEqual(checked),
  );
});

describe('readFieldOptions', () => {
  const read = async (options: Parameters<typeof readFieldOptions>[1]) =>
    partsOf((await readFieldOptions(entry, options)).values);

  it('takes fields by name, and secrets from files', async () => {
    const secretFromFile = [`token=${join(directory, 'token')}`];
    expect(await read({ set: ['host=a.example', 'port=25', 'files=true'], secretFromFile })).toEqual({
      credentials: { token: '12:secret' },
      settings: { host: 'a.example', port: 25, files: true },
    });
  });

  it('refuses a secret among the arguments, and never repeats it', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('token', 'key'),
        // The words of the refusal have no digits.
        fc.stringMatching(/^[\w:=-]{8,40}[0-9]$/),
        async (name, secret) => {
          const error = await read({ set: [`${name}=${secret}`] }).catch((error) => error);
          expect(error).toMatchObject({
            code: 'usage',
            hint: expect.stringContaining(`--secret-from-file ${name}=`),
          });
          expect(`${error.message} ${error.hint}`).not.toContain(secret);
        },
      ),
    ));

  it.each([
    [{ set: ['hots=x'] }, 'no field hots'],
    [{ set: ['xoxb-secret-value'] }, 'Number 1 of what was given is no field=value'],
    [{ set: ['port=x'] }, 'port does not fit. It is a whole number'],
    [{ secretFromFile: ['token=/nowhere/x'] }, '/nowhere/x cannot be read (ENOENT)'],
    [{ secretFromFile: ['token=-', 'key=-'] }, 'Only one secret'],
  ])('says what is wrong with %o', async (options, message) => {
    await expect(read(options)).rejects.toThrow(message);
    await expect(read(options)).rejects.not.toThrow('xoxb-secret');
  });

  it('says what is wrong with a secret without saying the secret', async () => {
    writeFileSync(join(directory, 'bad'), 'my-secret');
    const error = await read({ secretFromFile: [`token=${join(directory, 'bad')}`] }).catch((error) => error);
    expect(error.message).toBe('token does not fit. It is 1:abc.');
  });
});

describe('readOthers', () => {
  const access = {
    strangers: 'answer' as const,
    people: ['1'],
    groups: { answer: 'always' as const, open: ['g'] },
    programs: 'answer' as const,
    limits: { programTurns: 9, messagesPerMinute: 5 },
  };

  it('changes what is named of access, and nothing else', () => {
    const set: [string, string][] = [
      ['access.groups.open', '*, h'],
      ['access.limits.programTurns', '2'],
      ['live', 'false'],
    ];
    expect(readOthers(access, { set, unset: ['access.people', 'routes', 'guestTools'] })).toEqual({
      live: false,
      routes: [],
      guestTools: [],
      access: {
        ...access,
        people: [],
        groups: { answer: 'always', open: ['*', 'h'] },
        limits: { programTurns: 2, messagesPerMinute: 5 },
      },
    });
    expect(access.people).toEqual(['1']);
    expect(readOthers(access, { set: [] })).toEqual({});
  });

  it.each([
    ['access.stranger', 'pair', 'There is no access.stranger. There are: access.strangers'],
    ['access.strangers', 'all', 'access.strangers does not fit. It is one of pair, ignore, answer.'],
    ['access.limits.programTurns', '0', 'It is a whole number above 0'],
    ['live', 'yes', 'live does not fit. It is one of true, false.'],
  ])('refuses %s=%s', (name, text, message) =>
    expect(() => readOthers(access, { set: [[name, text]] })).toThrow(message),
  );
});

describe('readRoutes', () => {
  const agents = [{ id: 'a1', name: 'support' }] as unknown as Parameters<typeof readRoutes>[1];
  it('reads conditions and the agent', () => {
    expect(readRoutes(['group=C1, keyword=x ,agent=Support'], agents)).toEqual([
      { when: { group: 'C1', keyword: 'x' }, agentId: 'a1' },
    ]);
  });
  it.each(['group=C1', 'agent=support', 'grup=C1,agent=support', ''])('refuses %j', (spec) =>
    expect(() => readRoutes([spec], agents)).toThrow('is no route'),
  );
  it('names the agents that there are', () =>
    expect(() => readRoutes(['group=1,agent=x'], agents)).toThrow('support'));
});

it('never cuts a name of a field, however narrow the terminal is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), (width) => {
      const style = { dim: (text: string) => text };
      const text = renderKinds({ stdout: { width, style } } as never, [entry]);
      for (const { name, required } of entry.fields) expect(text).toContain(required ? name : `[${name}]`);
    }),
  );
});
