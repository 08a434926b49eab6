/** A mail that kills each worker that reads it: it is passed over, and those behind it are answered. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAgent } from '../support/api/talk.ts';
import { startTestCluster, type TestCluster } from '../support/faults/test-cluster.ts';
import {
  account,
  authServer,
  type ImapServer,
  mail,
  type SmtpServer,
  startImapServer,
  startSmtpServer,
} from '../support/mail/index.ts';

let cluster: TestCluster;
let imap: ImapServer;
let smtp: SmtpServer;
beforeAll(async () => {
  [imap, smtp, cluster] = await Promise.all([
    startImapServer(),
    startSmtpServer(),
    startTestCluster({ workerProgram: 'worker-with-deadly-mail', env: { OUTBOUND_ALLOW: '127.0.0.1' } }),
  ]);
});
afterAll(async () => {
  await cluster?.close();
  await Promise.all([imap.close(), smtp.close()]);
});

it('is passed over after three workers, told of, and does not take the next mail along', {
  timeout: 240_000,
}, async () => {
  const { owner } = cluster;
  const agentId = await createAgent(owner, { model: cluster.model });
  const settings = {
    address: account.user,
    imapHost: '127.0.0.1',
    imapPort: imap.port,
    smtpHost: '127.0.0.1',
    smtpPort: smtp.port,
    authServer,
  };
  const credentials = { password: account.password };
  const body = { kind: 'email', agentId, credentials, settings, access: { strangers: 'answer' } };
  const { id } = await owner.expect(201, owner.post('/v1/channels', body));
  const begun = () => cluster.sql('SELECT 1 FROM channel WHERE id = $1 AND cursor IS NOT NULL', [id]);
  await expect.poll(begun).toHaveLength(1);

  imap.deliver(mail({ id: '<deadly@example.com>', body: 'poison' }));
  imap.deliver(mail({ id: '<honest@example.com>', body: 'Hello' }));
  let deaths = 0;
  const answered = () => smtp.received.map(({ mail: { inReplyTo } }) => inReplyTo);
  const answer = expect.poll(answered, { timeout: 200_000 }).toEqual(['<honest@example.com>']);
  let isOver = false;
  void answer.then(() => {
    isOver = true;
  });
  while (deaths < 6) {
    const [worker] = cluster.workers;
    const exit = await Promise.race([worker!.exited, answer]);
    if (isOver || !exit) break;
    expect(exit.signal).toBe('SIGKILL');
    deaths += 1;
    await cluster.startWorker();
  }
  await answer;
  expect(deaths).toBe(3);
  const { unreadable, status } = await owner.expect(200, owner.get(`/v1/channels/${id}`));
  expect(status).toBe('active');
  expect(unreadable).toMatchObject({ count: 1, last: { code: 'fatal', from: null } });
});
