/** Against a real IRC server. */
import { irc } from '@nightshift/channels/irc';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../support/faults/index.ts';
import {
  type Bot,
  connectBot,
  joinIrc,
  type Ngircd,
  type Person,
  startNgircd,
} from '../../support/irc/index.ts';
import { describeWith } from '../../support/programs.ts';

const { fetch, lookup } = createGuardedFetch({ allow: ['127.0.0.1'] });
const waitMs = 20_000;

let server: Ngircd;
const leaving: (() => void | Promise<void>)[] = [];

async function connect(settings?: object, credentials?: object): Promise<Bot> {
  const bot = await connectBot(server.port, settings, credentials);
  leaving.push(bot.leave);
  return bot;
}

const connection = () => ({
  credentials: {},
  settings: irc.settings.parse({
    host: '127.0.0.1',
    port: server.port,
    encryption: 'none',
    nick: 'nightbot',
  }),
  account: null,
});

async function person(nick: string, options?: Parameters<typeof joinIrc>[2]): Promise<Person> {
  const joined = await joinIrc(server.port, nick, options);
  leaving.push(joined.close);
  return joined;
}

describeWith('ngircd', 'on ngircd', () => {
  beforeEach(async () => {
    server = await startNgircd();
  });
  afterEach(async () => {
    for (const leave of leaving.splice(0).reverse()) await leave();
    await server.stop();
  });

  it('hears who speaks to it, in channels and alone, and not itself', async () => {
    const ann = await person('ann', { rooms: ['#dev'] });
    const bot = await connect();
    ann.say('#dev', 'hello everybody');
    ann.say('#DEV', 'NightBot: what \x02now\x02?');
    ann.say('#dev', 'is nightbot here?');
    ann.say('#dev', 'nightbots are others');
    ann.say('nightbot', '\x01VERSION\x01');
    ann.say('nightbot', '\x01ACTION waves\x01');
    ann.write('NOTICE nightbot :I am a program');
    await bot.send('I am', '#dev');
    ann.say('nightbot', 'alone 👋');
    await until('all is heard', () => bot.said().some(({ text }) => text === 'alone 👋'), waitMs);
    expect(
      bot.said().map(({ text, addressed, direct, threadKey }) => [text, addressed, direct, threadKey]),
    ).toEqual([
      ['hello everybody', false, false, '#dev'],
      ['what now?', true, false, '#dev'],
      ['is nightbot here?', true, false, '#dev'],
      ['nightbots are others', false, false, '#dev'],
      ['* ann waves', true, true, 'query:ann!~ann@127.0.0.1'],
      ['alone 👋', true, true, 'query:ann!~ann@127.0.0.1'],
    ]);
    expect(bot.said()[0]).toMatchObject({
      group: '#dev',
      thread: { target: '#dev' },
      sender: { id: 'ann!~ann@127.0.0.1', identity: 'name', name: 'ann', isBot: false, isSelf: false },
    });
    await ann.sync();
    expect(ann.heard('#dev')).toEqual(['I am']);
    // Nobody's client is asked for anything in return.
    expect(ann.lines.filter((line) => / NOTICE ann /.test(line))).toEqual([]);
  });

  it('says what was to be said, whatever is in it, and nothing else', async () => {
    const ann = await person('ann', { rooms: ['#dev'] });
    const bot = await connect();
    await bot.send('one\r\nJOIN #evil\0\nQUIT :bye\n\n\x01PING 1\x01', '#dev');
    await ann.sync();
    expect(ann.heard('#dev')).toEqual(['one', 'JOIN #evil', 'QUIT :bye', 'PING 1']);
    for (const target of ['#dev,ann', 'ann\r\nQUIT', '$*', '', 'a b', ':ann'])
      await expect(bot.send('Hello', target)).rejects.toMatchObject({ kind: 'rejected' });
    await bot.send('still here', 'ann');
    await ann.sync();
    expect(ann.heard()).toEqual(['still here']);
    expect(ann.lines.some((line) => line.includes('#evil') && !line.includes('PRIVMSG'))).toBe(false);
  });

  it.each([
    ['emoji', '👩‍👩‍👧‍👦'],
    ['right to left', 'שלום '],
    ['accents', 'é̂'],
    ['a long word', 'w'],
  ])('sends a part as long as its limit: %s', async (_name, unit) => {
    const ann = await person('ann', { rooms: ['#dev'] });
    const bot = await connect();
    const text = unit.repeat(Math.floor(irc.capabilities.limit.max / Buffer.byteLength(unit))).trim();
    await bot.send(text, '#dev');
    await ann.sync();
    const heard = ann.heard('#dev');
    expect(heard.length).toBeGreaterThan(1);
    expect(heard.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    // Each stands by itself: none begins with an accent or a joiner that belongs to the line before.
    for (const line of heard) expect(line.startsWith(unit.trim().slice(0, 1))).toBe(true);
    for (const line of ann.lines) expect(Buffer.byteLength(`${line}\r\n`)).toBeLessThanOrEqual(512);
  });

  it('says why something cannot be said', async () => {
    const bot = await connect();
    expect(await bot.send('Hello', 'nobody').catch((error) => error)).toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('nobody of this name is there now'),
    });
    expect(await bot.send('Hello', '#elsewhere').catch((error) => error)).toMatchObject({ kind: 'rejected' });
  });

  it('takes another nick where its own is taken, and another bot has no part in what it hears', async () => {
    const first = await connect();
    const second = await connect();
    const ann = await person('ann', { rooms: ['#dev'] });
    ann.say('#dev', 'nightbot_: you');
    await until('both hear', () => first.said().length > 0 && second.said().length > 0, waitMs);
    expect(first.said()[0]).toMatchObject({ addressed: false });
    expect(second.said()[0]).toMatchObject({ addressed: true, text: 'you' });
  });

  it('comes back into a channel once, and says afterwards that it was kicked', async () => {
    const ann = await person('ann', { rooms: ['#dev'] });
    const bot = await connect();
    ann.write('KICK #dev nightbot :out');
    await until(
      'it is back',
      () => ann.lines.filter((line) => / JOIN :?#dev/.test(line)).length === 3,
      waitMs,
    );
    await bot.send('back', '#dev');
    ann.write('KICK #dev nightbot :really');
    await until(
      'it knows',
      async () =>
        (await bot.send('x', '#dev').catch((error) => error.message)).includes?.('ann kicked us: "really"'),
      waitMs,
    );
    await ann.sync();
    expect(ann.heard('#dev')).toContain('back');
  });

  it('ends when the server does, and knows of a message that may have arrived', async () => {
    const bot = await connect();
    await server.kill();
    expect(await bot.ended).toMatchObject({ kind: 'retry' });
    await expect(bot.send('Hello', '#dev')).rejects.toMatchObject({ kind: 'retry' });
    await server.start();
    await connect();
  });

  it('says which channels do not take it', async () => {
    const ann = await person('ann', { rooms: ['#dev', '#closed'] });
    ann.write('MODE #closed +k secret');
    await ann.sees(/MODE #closed \+k/);
    const bot = await connect({ channels: '#dev, #closed wrong' });
    await expect(bot.send('x', '#closed')).rejects.toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('the key of the channel is wrong'),
    });
    const keyed = await connect({ channels: '#closed secret', nick: 'other' });
    await keyed.send('in', '#closed');
    await ann.sync();
    expect(ann.heard('#closed')).toEqual(['in']);
  });

  it('is told apart from the connection that stands when it is tested', async () => {
    const bot = await connect();
    const context = { fetch, lookup, signal: AbortSignal.timeout(10_000), hookUrl: '' };
    expect(await irc.probe(connection(), context)).toEqual({
      account: { id: null, name: 'nightbot on 127.0.0.1' },
      problems: [],
    });
    await bot.send('still there', '#dev');
  });

  it('may not connect to where sockets may not go', async () => {
    const guarded = createGuardedFetch({ allow: [] });
    const context = { ...guarded, signal: AbortSignal.timeout(10_000), hookUrl: '' };
    await expect(irc.probe(connection(), context)).rejects.toMatchObject({ kind: 'rejected' });
  });

  it('knows a refusal for good', async () => {
    await server.stop();
    server = await startNgircd({ password: 'door' });
    await expect(connect({}, { serverPassword: 'wrong' })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.not.stringContaining('wrong'),
    });
    await connect({}, { serverPassword: 'door' });
    // It has no accounts.
    await expect(
      connect({ nick: 'second' }, { serverPassword: 'door', password: 'secret' }),
    ).rejects.toMatchObject({ kind: 'auth', message: expect.stringContaining('offers no SASL') });
    await expect(
      connect({ nick: 'third', login: 'nickserv' }, { serverPassword: 'door', password: 'secret' }),
    ).rejects.toMatchObject({ kind: 'auth', message: expect.stringContaining('no NickServ') });
  });
});
