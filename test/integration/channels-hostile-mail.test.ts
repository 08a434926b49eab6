/**
 * Mails that are made to stop whoever reads them: they are passed over, the team is told, the honest ones behind them are
 * answered, and everything else goes on meanwhile.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { connectModel, createAgent, type Product, startProduct } from '../support/api/index.ts';
import { type Receiver, startReceiver } from '../support/channel/index.ts';
import { type ImapProcess, startImapProcess } from '../support/mail/imap-process.ts';
import {
  account,
  authServer,
  mail,
  mailWithFiles,
  type SmtpServer,
  startSmtpServer,
} from '../support/mail/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server/index.ts';

/** Less than what the mail below needs by far, and more than an honest one. */
const cpuMs = 1_500;

let product: Product;
let models: ModelServer;
let imap: ImapProcess;
let smtp: SmtpServer;
let webhook: Receiver;
let channelId: string;

beforeAll(async () => {
  [models, imap, smtp, webhook, product] = await Promise.all([
    startModelServer(),
    startImapProcess(),
    startSmtpServer(),
    startReceiver(),
    startProduct(),
  ]);
  const { owner } = product;
  const agentId = await createAgent(owner, { model: await connectModel(owner, models) });
  await owner.expect(201, owner.post('/v1/webhooks', { url: webhook.url, events: ['channel.unreadable'] }));
  const settings = {
    address: account.user,
    imapHost: '127.0.0.1',
    imapPort: imap.port,
    smtpHost: '127.0.0.1',
    smtpPort: smtp.port,
    authServer,
  };
  const credentials = { password: account.password };
  const access = { strangers: 'answer' };
  const body = { kind: 'email', agentId, credentials, settings, access };
  channelId = (await owner.expect(201, owner.post('/v1/channels', body))).id;
  await product.startWorker({ documentLimits: { cpuMs } });
  // From then on mail is new.
  const begun = () => product.sql('SELECT 1 FROM channel WHERE id = $1 AND cursor IS NOT NULL', [channelId]);
  await vi.waitFor(async () => expect(await begun()).toHaveLength(1), { timeout: 60_000 });
});
afterAll(async () => {
  await product?.close();
  imap.close();
  await Promise.all([models.close(), smtp.close(), webhook.close()]);
});

const read = () => product.owner.expect(200, product.owner.get(`/v1/channels/${channelId}`));
const answeredIds = () => smtp.received.map(({ mail: { inReplyTo } }) => inReplyTo);

/**
 * The longest piece of work since it was started during which nothing else could be done, in milliseconds of this thread's
 * processor time: what other processes take does not count.
 */
function watchEventLoop() {
  let longest = 0;
  let last = process.threadCpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    last = process.threadCpuUsage();
  }, 10);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

it('are passed over, told of, and hold up nobody', async () => {
  const stopWatching = watchEventLoop();
  const verdict = `Authentication-Results: evil; dkim=pass ${'a'.repeat(300_000)}`;
  imap.deliver(mail({ id: '<header@example.com>', headers: [verdict] }));
  imap.deliver(mail({ id: '<too-many-lines@example.com>', body: '\n'.repeat(1_500_000) }));
  imap.deliver(mail({ id: '<slow@example.com>', subject: 'A slow one', body: '\n'.repeat(590_000) }));
  imap.deliver(
    mail({ id: '<html@example.com>', type: 'text/html', body: `<p>The question${'<b>'.repeat(630_000)}` }),
  );
  imap.deliver(mail({ id: '<honest@example.com>' }));
  await expect.poll(answeredIds, { timeout: 90_000 }).toEqual(['<html@example.com>', '<honest@example.com>']);
  // To read them takes longer, elsewhere.
  expect(stopWatching()).toBeLessThan(cpuMs / 2);

  const { unreadable, status } = await read();
  expect(status).toBe('active');
  expect(unreadable).toEqual({
    count: 2,
    last: {
      at: expect.any(String),
      from: 'ann@example.com',
      subject: 'A slow one',
      code: 'too_slow',
      message: 'Reading it took more than 1.5 s.',
    },
  });
  // Once for both, since the second one came at once.
  await expect.poll(() => webhook.received.length).toBe(1);
  expect(webhook.received[0]!.body).toMatchObject({
    type: 'channel.unreadable',
    data: {
      channel: { id: channelId, kind: 'email' },
      message: { from: 'ann@example.com', subject: 'A question', code: 'too_large' },
      count: 1,
    },
  });
});

it('have no files that could be fetched, as honest ones have', async () => {
  const files = [{ name: 'order.txt', type: 'text/plain', content: 'order 42' }];
  imap.deliver(mailWithFiles(files, { id: '<with-file@example.com>' }));
  await expect.poll(answeredIds).toContain('<with-file@example.com>');
  expect(JSON.stringify(models.requests.at(-1)!.body)).toContain('order 42');
});
