/** Reading a real mailbox: nothing is passed over, and nothing told twice, whatever goes wrong. */
import { ChannelError, type InboundEvent, type InboundSink } from '@nightshift/channels';
import { email } from '@nightshift/channels/email';
import type { DocumentReader } from '@nightshift/contracts';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startDocuments } from '../../support/documents.ts';
import {
  account,
  authServer,
  type ImapOptions,
  type ImapServer,
  mail,
  mailWithFiles,
  startImapServer,
} from '../../support/mail/index.ts';

const { fetch, lookup } = createGuardedFetch({ allow: ['127.0.0.1'] });
const hour = 60 * 60 * 1000;

// Servers are waited for, several times in some.
vi.setConfig({ testTimeout: 90_000 });

const documents = startDocuments();
afterAll(() => documents.close());

let server: ImapServer | undefined;
let stop: AbortController;
beforeEach(() => {
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await server?.close();
  server = undefined;
});

const start = async (options?: ImapOptions) => {
  server = await startImapServer(options);
  return server;
};

const connection = (port: number, more: { settings?: object; credentials?: object } = {}) => ({
  credentials: email.credentials.parse(more.credentials ?? { password: account.password }),
  settings: email.settings.parse({
    address: account.user,
    imapHost: '127.0.0.1',
    imapPort: port,
    smtpHost: '127.0.0.1',
    authServer,
    ...more.settings,
  }),
  account: null,
});

/** An inbox that keeps what is stored, and the cursor with it. */
function createInbox(cursor: string | null = null) {
  const events: InboundEvent[] = [];
  let failures = 0;
  let dead = false;
  const sink: InboundSink = {
    get cursor() {
      return cursor;
    },
    async commit(stored, next) {
      if (dead) throw new Error('the process has ended');
      if (failures > 0 && stored.length > 0) {
        failures -= 1;
        throw new Error('another worker has taken over');
      }
      for (const event of stored)
        if (!events.some(({ externalId }) => externalId === event.externalId)) events.push(event);
      cursor = next ?? cursor;
    },
  };
  return {
    sink,
    events,
    texts: () => events.map((event) => ('text' in event ? event.text.split('\n').at(-1) : event.type)),
    cursor: () => cursor,
    isDead: () => dead,
    die: () => {
      dead = true;
    },
    revive: () => {
      dead = false;
    },
    failNext: () => {
      failures += 1;
    },
  };
}

async function connect(
  inbox: ReturnType<typeof createInbox>,
  port: number,
  more?: Parameters<typeof connection>[1],
  signal = stop.signal,
  reader: DocumentReader = documents,
) {
  const connected = vi.fn();
  let end: unknown;
  const ended = email
    .connector!.connect(connection(port, more), inbox.sink, {
      fetch,
      lookup,
      documents: reader,
      signal,
      connected,
    })
    .then(
      () => undefined,
      (error) => {
        end = error;
        return error;
      },
    );
  await vi.waitFor(() => expect(connected.mock.calls.length > 0 || end !== undefined).toBe(true), 60_000);
  return { ended, connected };
}

const wait = { timeout: 60_000 };
let ids = 0;
const say = (body: string, at?: number) => {
  ids += 1;
  server!.deliver(mail({ body, id: `<said-${ids}@example.com>` }), at);
};

it('begins with what comes from now on, and is told at once', async () => {
  const { port, flags, count } = await start({ mails: [mail({ body: 'years ago' })] });
  const inbox = createInbox();
  await connect(inbox, port);
  await vi.waitFor(() => expect(count('IDLE')).toBe(1), wait);
  say('one');
  await expect.poll(inbox.texts, wait).toEqual(['one']);
  say('two');
  say('three');
  await expect.poll(inbox.texts, wait).toEqual(['one', 'two', 'three']);
  await expect.poll(flags, wait).toEqual([[], ['\\Seen'], ['\\Seen'], ['\\Seen']]);
});

it('looks by itself where the server cannot tell', async () => {
  const { port, count } = await start({ idle: false, mails: [mail({ body: 'before' })] });
  const inbox = createInbox();
  await connect(inbox, port);
  await vi.waitFor(() => expect(count('UID FETCH')).toBe(1), wait);
  say('one');
  await expect.poll(inbox.texts).toEqual(['one']);
  expect(count('UID FETCH')).toBeGreaterThan(1);
});

it('leaves mails unread that it ignores, and all where that is wished', async () => {
  const { port, flags } = await start();
  const inbox = createInbox();
  await connect(inbox, port, { settings: { markSeen: false } });
  say('one');
  server!.deliver(mail({ headers: ['Precedence: bulk'] }));
  await expect.poll(inbox.texts, wait).toEqual(['one', 'ignored']);
  stop.abort();
  stop = new AbortController();
  await connect(inbox, port);
  server!.deliver(mail({ headers: ['Precedence: bulk'], id: '<bulk-2@example.com>' }));
  say('two');
  await expect.poll(flags, wait).toEqual([[], [], [], ['\\Seen']]);
});

it('goes on where it was, whoever goes on', async () => {
  const { port } = await start();
  const inbox = createInbox();
  const first = new AbortController();
  const { ended } = await connect(inbox, port, {}, first.signal);
  say('one');
  await expect.poll(inbox.texts, wait).toEqual(['one']);
  first.abort();
  expect(await ended).toBeUndefined();
  say('two');
  say('three');
  await connect(inbox, port);
  await expect.poll(inbox.texts, wait).toEqual(['one', 'two', 'three']);
});

it('does not go past what was not stored', async () => {
  const { port, flags } = await start();
  const inbox = createInbox();
  inbox.failNext();
  const { ended } = await connect(inbox, port);
  say('one');
  expect(await ended).toMatchObject({ message: 'another worker has taken over' });
  expect(flags()).toEqual([[]]);
  await connect(inbox, port);
  await expect.poll(inbox.texts, wait).toEqual(['one']);
});

it('ends when the connection breaks, and misses nothing by it', async () => {
  const { port, drop, count } = await start();
  const inbox = createInbox();
  const { ended } = await connect(inbox, port);
  await vi.waitFor(() => expect(count('IDLE')).toBe(1), wait);
  drop();
  const error = await ended;
  if (error !== undefined) expect(error).toMatchObject({ name: 'ChannelError', kind: 'retry' });
  say('one');
  await connect(inbox, port);
  await expect.poll(inbox.texts, wait).toEqual(['one']);
});

it('finds what came meanwhile when the server has numbered its mails anew', async () => {
  const first = await start();
  const inbox = createInbox();
  const before = new AbortController();
  const { ended } = await connect(inbox, first.port, {}, before.signal);
  say('one');
  await expect.poll(inbox.texts, wait).toEqual(['one']);
  before.abort();
  await ended;
  await first.close();
  const { port } = await start({ uidValidity: 2, uidNext: 50 });
  server!.deliver(mail({ body: 'years ago', id: '<old@example.com>' }), Date.now() - 9_000 * hour);
  server!.deliver(mail({ body: 'this morning', id: '<morning@example.com>' }), Date.now() - hour);
  server!.deliver(mail({ body: 'one', id: `<said-${ids}@example.com>` }));
  say('two');
  await connect(inbox, port);
  await expect.poll(inbox.texts, wait).toEqual(['one', 'two']);
  expect(inbox.cursor()).toMatch(/^2:/);
});

it('reads the beginning of a mail that is too large', async () => {
  const { port } = await start();
  const inbox = createInbox();
  await connect(inbox, port);
  const line = `${'x'.repeat(998)}\r\n`;
  server!.deliver(Buffer.concat([mail({ body: 'Look at this:' }), Buffer.from(line.repeat(32_000))]));
  say('one');
  await expect.poll(() => inbox.events.length).toBe(2);
  const [large] = inbox.events;
  const text = large?.type === 'message' ? large.text : '';
  expect(text).toMatch(/^\[The mail was too large\./);
  expect(text).toContain('Look at this:');
  expect(text.length).toBeLessThan(1_000_000);
});

/** Mail that comes from now on is new. */
async function beginIn(inbox: ReturnType<typeof createInbox>, port: number): Promise<void> {
  const life = new AbortController();
  const { ended } = await connect(inbox, port, {}, life.signal);
  life.abort();
  await ended;
}

/** Each ends the process that reads it: whatever it does afterwards is not stored. */
function deadlyReader(stop: AbortController, inbox: ReturnType<typeof createInbox>): DocumentReader {
  return {
    read(task, document, options, signal) {
      if (!Buffer.from(document).includes('poison')) return documents.read(task, document, options, signal);
      inbox.die();
      stop.abort();
      return Promise.reject(new Error('This process is no more.'));
    },
  };
}

it('passes over a mail that ends each process that reads it, after three of them, and says so', async () => {
  const { port } = await start();
  const inbox = createInbox();
  await beginIn(inbox, port);
  say('the poison');
  say('two');
  let deaths = 0;
  for (; !inbox.texts().includes('two') && deaths < 5; ) {
    const life = new AbortController();
    inbox.revive();
    const { ended } = await connect(inbox, port, {}, life.signal, deadlyReader(life, inbox));
    await vi.waitFor(() => expect(inbox.isDead() || inbox.texts().includes('two')).toBe(true), wait);
    if (inbox.isDead()) deaths += 1;
    life.abort();
    await ended;
  }
  expect(deaths).toBe(3);
  expect(inbox.texts()).toEqual(['ignored', 'two']);
  expect(inbox.events[0]).toMatchObject({
    what: 'fatal',
    unreadable: { code: 'fatal', message: expect.stringContaining('3 times') },
  });
});

it.each(['no', 'drop'] as const)(
  'passes over a mail that its server does not hand out (%s), and says so',
  async (how) => {
    const { port, refuse } = await start();
    const inbox = createInbox();
    await beginIn(inbox, port);
    say('one');
    refuse(1, how);
    say('two');
    const failures: unknown[] = [];
    while (inbox.texts().at(-1) !== 'two' && failures.length < 10) {
      const { ended } = await connect(inbox, port);
      let isOver = false;
      const settled = ended.then((failure) => {
        isOver = true;
        failures.push(failure);
      });
      await vi.waitFor(() => expect(isOver || inbox.texts().at(-1) === 'two').toBe(true), wait);
      if (inbox.texts().at(-1) !== 'two') await settled;
    }
    expect(failures).toHaveLength(5);
    expect(failures[0]).toMatchObject({ name: 'ChannelError', kind: 'retry' });
    expect(inbox.texts()).toEqual(['ignored', 'two']);
    expect(inbox.events[0]).toMatchObject({
      unreadable: { code: 'unreadable', message: expect.stringContaining('5 times to hand out this mail') },
    });
  },
);

it('does not count it against a mail that workers were stopped while they read it', async () => {
  const { port } = await start();
  const inbox = createInbox();
  await beginIn(inbox, port);
  say('one');
  for (let stops = 0; stops < 5; stops += 1) {
    const life = new AbortController();
    const reading = Promise.withResolvers<void>();
    const slow: DocumentReader = {
      read: (_task, _document, _options, signal) =>
        new Promise((_resolve, reject) => {
          reading.resolve();
          signal!.addEventListener('abort', () => reject(signal!.reason));
        }),
    };
    const { ended } = await connect(inbox, port, {}, life.signal, slow);
    await reading.promise;
    life.abort();
    await ended;
  }
  await connect(inbox, port);
  await expect.poll(inbox.texts, wait).toEqual(['one']);
});

it('goes on in the same mailbox with another password, and begins anew in another one', () => {
  const owner = (more: object = {}) =>
    email.connector!.cursorOwner!(connection(993, { settings: more }).settings);
  expect(owner({ smtpHost: 'other.example.com' })).toBe(owner());
  expect(owner({ user: 'somebody-else' })).not.toBe(owner());
  expect(owner({ imapHost: 'other.example.com' })).not.toBe(owner());
});

it('logs in with an access token', async () => {
  const { port } = await start();
  const { createServer } = await import('node:http');
  const asked: string[] = [];
  const provider = createServer(async (request, response) => {
    for await (const chunk of request) asked.push(String(chunk));
    response.end(JSON.stringify({ access_token: account.accessToken, expires_in: 3600 }));
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const { port: tokenPort } = provider.address() as { port: number };
  const inbox = createInbox();
  const { connected } = await connect(inbox, port, {
    credentials: { clientSecret: 'the-secret' },
    settings: { tokenUrl: `http://127.0.0.1:${tokenPort}/token`, clientId: 'the-app', scope: 'mail' },
  });
  provider.close();
  expect(connected).toHaveBeenCalledOnce();
  expect(Object.fromEntries(new URLSearchParams(asked[0]))).toEqual({
    grant_type: 'client_credentials',
    client_id: 'the-app',
    client_secret: 'the-secret',
    scope: 'mail',
  });
});

it('says what is wrong: the password, the port, the way there', async () => {
  const { port, close } = await start();
  const fail = async (at: number, more?: Parameters<typeof connection>[1]) =>
    (await (
      await connect(createInbox(), at, more)
    ).ended) as ChannelError;
  const refused = await fail(port, { credentials: { password: 'wrong-password' } });
  expect([refused.kind, refused.message]).toEqual(['auth', expect.stringContaining('refuses the login')]);
  expect(refused.message).not.toContain('wrong-password');
  const noTls = await fail(port, { settings: { encryption: 'tls' } });
  expect([noTls.kind, noTls.message]).toEqual(['retry', expect.stringContaining('does not speak TLS')]);
  const noStartTls = await fail(port, { settings: { encryption: 'starttls' } });
  expect([noStartTls.kind, noStartTls.message]).toEqual(['retry', expect.stringContaining('STARTTLS')]);
  expect(server!.count('LOGIN') + server!.count('AUTHENTICATE PLAIN')).toBeLessThanOrEqual(1);
  await close();
  const nobody = await fail(port);
  expect([nobody.kind, nobody.message]).toEqual(['retry', expect.stringContaining('nobody listens')]);
});

it('goes nowhere that the operator has not allowed', async () => {
  const { port } = await start();
  const closed = createGuardedFetch({ allow: [] });
  const context = { fetch, lookup: closed.lookup, documents, signal: stop.signal, connected: vi.fn() };
  const error = await email
    .connector!.connect(connection(port), createInbox().sink, context)
    .catch((each) => each);
  expect(error).toBeInstanceOf(ChannelError);
  expect([error.kind, error.message]).toEqual(['rejected', expect.stringContaining('OUTBOUND_ALLOW')]);
});

it('fetches files, as long as their mail is there', async () => {
  const { port } = await start();
  const inbox = createInbox();
  await connect(inbox, port);
  const picture = Buffer.from(Array.from({ length: 100_000 }, (_, each) => each % 256));
  server!.deliver(
    mailWithFiles([
      { name: 'a.txt', type: 'text/plain', content: 'A' },
      { name: 'b.png', type: 'image/png', content: picture },
    ]),
  );
  await expect.poll(() => inbox.events.length, wait).toBe(1);
  const [event] = inbox.events;
  const files = event?.type === 'message' ? event.attachments! : [];
  const download = (file: (typeof files)[number], maxBytes = 1_000_000) =>
    email.download!(file, connection(port), { fetch, lookup, documents, signal: stop.signal, maxBytes });
  const { data, mediaType } = await download(files[1]!);
  expect([Buffer.compare(data, picture), mediaType]).toEqual([0, 'image/png']);
  await expect(download(files[1]!, 99_999)).rejects.toMatchObject({ kind: 'rejected' });
  for (const more of [{ uid: '99' }, { uidValidity: '9' }, { index: '7' }, { uid: '1:*' }])
    await expect(download({ ...files[1]!, source: { ...files[1]!.source, ...more } })).rejects.toMatchObject({
      kind: 'rejected',
    });
});
