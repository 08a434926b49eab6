/** The walk of a mailbox, on the installed product: connect, write a mail, read the answer as the SMTP server got it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectModel, createAgent, createClient } from '../../support/api/index.ts';
import {
  account,
  authServer,
  type ImapServer,
  mail,
  mailWithFiles,
  type SmtpServer,
  startImapServer,
  startSmtpServer,
} from '../../support/mail/index.ts';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { type RunningProduct, startProduct } from '../../support/product.ts';

let product: RunningProduct;
let models: ModelServer;
let imap: ImapServer;
let smtp: SmtpServer;

beforeAll(async () => {
  [models, imap, smtp] = await Promise.all([
    startModelServer(),
    startImapServer({ mails: [mail({ body: 'years ago', id: '<old@example.com>' })] }),
    startSmtpServer(),
  ]);
  product = await startProduct({ env: { OUTBOUND_ALLOW: `127.0.0.1` } });
});
afterAll(async () => {
  await product?.stop();
  await Promise.all([models.close(), imap.close(), smtp.close()]);
});

const answer =
  '# Your order\n\nIt is **on its way**:\n\n- packed\n- handed over\n\n| what | when |\n|---|---|\n| box | today |';

it('goes from connecting over a mail to the answer, in its thread', async () => {
  const owner = createClient(product.url, product.adminKey);
  const agentId = await createAgent(owner, { name: 'clerk', model: await connectModel(owner, models) });
  const channel = await owner.expect(
    201,
    owner.post('/v1/channels', {
      kind: 'email',
      agentId,
      credentials: { password: account.password },
      settings: {
        address: account.user,
        name: 'The clerk',
        imapHost: '127.0.0.1',
        imapPort: imap.port,
        smtpHost: '127.0.0.1',
        smtpPort: smtp.port,
        authServer,
      },
    }),
  );
  expect(JSON.stringify(channel)).not.toContain(account.password);
  const test = await owner.expect(200, owner.post(`/v1/channels/${channel.id}/test`));
  expect(test).toEqual({ ok: true, account: { id: account.user, name: account.user }, problems: [] });
  const read = async () => (await owner.get(`/v1/channels/${channel.id}`)).body;
  await expect.poll(async () => (await read()).connected).toBe(true);
  await expect.poll(() => imap.count('IDLE')).toBeGreaterThan(0);

  // A stranger is told a code, and no model is asked.
  imap.deliver(mail());
  await expect.poll(() => smtp.received.length).toBe(1);
  const pairing = smtp.received[0]!;
  const [code] = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(pairing.mail.text ?? '') ?? [];
  expect(pairing.to).toEqual(['ann@example.com']);
  expect(models.requests).toHaveLength(0);
  models.script([{ text: ['What is it about?'] }]);
  await owner.expect(200, owner.post(`/v1/channels/${channel.id}/pairings`, { code }));
  // What was written before is answered.
  await expect.poll(() => smtp.received.length).toBe(3);
  expect(smtp.received[2]!.mail.text).toContain('What is it about?');

  // The answer to that answer is what the agent gets, without what it quotes; forgeries are nothing.
  models.script([{ text: [answer] }]);
  const [first] = ['<question-1@example.com>'];
  const reply = {
    subject: 'Re: A question',
    id: '<question-2@example.com>',
    headers: [`In-Reply-To: ${pairing.mail.messageId}`, `References: ${first} ${pairing.mail.messageId}`],
    body: `Where is my order?\n\nOn Tue, 3 Mar 2026 the clerk <${account.user}> wrote:\n\n> Hello`,
  };
  imap.deliver(mail({ ...reply, id: '<forged@example.com>', verdict: 'dmarc=fail header.from=example.com' }));
  imap.deliver(mailWithFiles([{ name: 'order.txt', type: 'text/plain', content: 'order 42' }], reply));
  await expect.poll(() => smtp.received.length).toBe(4);
  const sent = smtp.received[3]!;
  expect(sent).toMatchObject({
    from: account.user,
    to: ['ann@example.com'],
    mail: {
      from: { name: 'The clerk', address: account.user },
      subject: 'Re: A question',
      inReplyTo: reply.id,
      references: `${first} ${pairing.mail.messageId} ${reply.id}`,
    },
  });
  expect(sent.mail.text).toContain('- packed');
  expect(sent.mail.html).toContain('<strong>on its way</strong>');
  expect(sent.mail.html).toContain('<td');
  expect(sent.mail.messageId).not.toBe(pairing.mail.messageId);
  const asked = JSON.stringify(models.requests.at(-1)!.body);
  expect(asked).toContain('Where is my order?');
  expect(asked).toContain('order 42');
  expect(asked).not.toContain('wrote:');
  expect(asked).not.toContain('years ago');

  await expect.poll(imap.flags).toEqual([[], ['\\Seen'], [], ['\\Seen']]);
  await expect.poll(async () => (await read()).counts).toMatchObject({ received: 2, ignored: 1 });
});
