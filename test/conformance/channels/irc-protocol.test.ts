/** What ngircd has not: accounts, message ids, bans, and servers that do not answer. */
import { afterEach, expect, it } from 'vitest';
import { until } from '../../support/faults/index.ts';
import { connectBot, type ScriptServer, startScriptServer } from '../../support/irc/index.ts';

let server: ScriptServer;
const leaving: (() => Promise<void>)[] = [];

async function start(...options: Parameters<typeof startScriptServer>): Promise<ScriptServer> {
  server = await startScriptServer(...options);
  return server;
}

async function connect(settings?: object, credentials?: object) {
  const bot = await connectBot(server.port, settings, credentials);
  leaving.push(bot.leave);
  return bot;
}

afterEach(async () => {
  for (const leave of leaving.splice(0)) await leave();
  await server.close();
});

it('logs in with SASL before it is let in, and joins behind it', async () => {
  await start();
  await connect({ account: 'clerk' }, { password: 'pässword' });
  const proof = Buffer.from('clerk\0clerk\0pässword').toString('base64');
  const at = (line: string) => server.lines.indexOf(line);
  expect(at(`AUTHENTICATE ${proof}`)).toBeGreaterThan(0);
  expect(at('CAP END')).toBeGreaterThan(at(`AUTHENTICATE ${proof}`));
  expect(at('JOIN #dev')).toBeGreaterThan(at('CAP END'));
  // People and programs see that it is a program.
  expect(server.lines).toContain('MODE nightbot +B');
});

it('needs attention when the password is wrong, and does not say it', async () => {
  await start((line) => (/^AUTHENTICATE [^P]/.test(line) ? [':irc.test 904 * :SASL failed'] : undefined));
  await expect(connect({}, { password: 'hunter2' })).rejects.toMatchObject({
    kind: 'auth',
    message: expect.not.stringContaining('hunter2'),
  });
});

it('logs in at NickServ through the server, never by a message to whoever has that nick', async () => {
  await start((line) =>
    line.startsWith('NICKSERV')
      ? [':irc.test 900 nightbot nightbot!a@b clerk :You are now logged in']
      : undefined,
  );
  await connect({ login: 'nickserv', account: 'clerk' }, { password: 'hunter2' });
  expect(server.lines).toContain('NICKSERV IDENTIFY clerk hunter2');
  expect(server.lines.filter((line) => /PRIVMSG|^AUTHENTICATE/.test(line))).toEqual([]);
});

it('needs attention when NickServ refuses the password', async () => {
  await start((line) =>
    line.startsWith('NICKSERV')
      ? [':NickServ!s@services NOTICE nightbot :Invalid password for clerk.']
      : undefined,
  );
  await expect(connect({ login: 'nickserv' }, { password: 'hunter2' })).rejects.toMatchObject({
    kind: 'auth',
  });
});

it.each([
  ['ERROR :Closing Link: 10.0.0.1 (K-Lined: spam)', 'auth'],
  ['ERROR :Closing Link: 10.0.0.1 (User has been permanently banned from the network)', 'auth'],
  ['ERROR :Closing Link: 10.0.0.1 (Ping timeout)', 'retry'],
] as const)('takes %s for %s', async (line, kind) => {
  await start();
  const bot = await connect();
  server.send(line);
  server.drop();
  expect(await bot.ended).toMatchObject({ kind, message: expect.stringContaining(line.slice(7)) });
});

it('waits before it comes back to a server that is throttling', async () => {
  await start((line) => (line.startsWith('NICK') ? ['ERROR :Trying to reconnect too fast.'] : []));
  const refused = connect();
  await until('it has asked', () => server.lines.some((line) => line.startsWith('NICK')));
  server.drop();
  await expect(refused).rejects.toMatchObject({ kind: 'retry', retryAfterMs: 60_000 });
});

it('names messages as the server does, and accounts rather than nicks', async () => {
  await start();
  const bot = await connect();
  const from = ':Ann!~ann@Host.example PRIVMSG';
  server.send(`@msgid=abc;account=Ann[1] ${from} nightbot :one`);
  for (const _twice of [1, 2]) server.send(`@time=2026-11-22T12:00:00.000Z ${from} #dev :two`);
  server.send(`@time=2026-11-22T12:00:00.001Z ${from} #dev :two`);
  server.send('@bot;msgid=x :robot!r@h PRIVMSG #dev :nightbot: three');
  server.send(':nightbot!~nightshift@host PRIVMSG #dev :an echo');
  server.send(`${from} #dev :\x0304,01red\x03 \x02bold\x0f`);
  await until('all has come', () => bot.said().length === 7);
  const said = bot.said();
  expect(said[0]).toMatchObject({
    externalId: 'msgid:abc',
    sender: { id: 'account:ann{1}', identity: 'account', name: 'Ann' },
    threadKey: 'query:account:ann{1}',
  });
  expect(said[1]!.sender).toMatchObject({ id: 'ann!~ann@host.example', identity: 'name' });
  expect(said[1]!.externalId).toBe(said[2]!.externalId);
  expect(said[3]!.externalId).not.toBe(said[2]!.externalId);
  expect(said[4]).toMatchObject({ sender: { isBot: true }, addressed: true, text: 'three' });
  expect(said[5]!.sender.isSelf).toBe(true);
  expect(said[6]!.text).toBe('red bold');
});

it('does not know what came of a message when the server does not answer, or goes', async () => {
  let asked = 0;
  await start((line) => (/^PING :\S+-/.test(line) && ++asked ? [] : undefined));
  const bot = await connect();
  await expect(bot.send('Hello', '#dev', 300)).rejects.toMatchObject({ kind: 'ambiguous' });
  const sending = bot.send('Hello', '#dev');
  await until('it is asked', () => asked === 2);
  server.drop();
  await expect(sending).rejects.toMatchObject({ kind: 'ambiguous' });
  await expect(bot.send('Hello', '#dev')).rejects.toMatchObject({ kind: 'retry' });
});

it('obeys a server that wants fewer people spoken to', async () => {
  await start((line) =>
    line.startsWith('PRIVMSG')
      ? [':irc.test 707 nightbot ann :Targets changing too fast, message dropped']
      : undefined,
  );
  const bot = await connect();
  await expect(bot.send('Hello', 'ann')).rejects.toMatchObject({
    kind: 'retry',
    retryAfterMs: 60_000,
    pauses: 'thread',
  });
});

it('sends no more lines than servers take', async () => {
  await start();
  const bot = await connect();
  const part = Array.from({ length: 5 }, (_, line) => `line ${line}`).join('\n');
  await bot.send(part, '#dev');
  await bot.send(part, '#dev');
  await expect(Promise.all([bot.send(part, '#dev'), bot.send(part, '#ops')])).rejects.toMatchObject({
    kind: 'retry',
    pauses: 'thread',
  });
});

it('ends the connection, and nothing else, at what cannot be read', async () => {
  await start();
  const bot = await connect();
  server.send('PRIVMSG');
  expect(await bot.ended).toMatchObject({ kind: 'retry' });
  const other = await connect();
  server.send(`:ann!a@h PRIVMSG #dev :${'x'.repeat(40_000)}`);
  expect(await other.ended).toMatchObject({ kind: 'retry', message: expect.stringContaining('too long') });
});
