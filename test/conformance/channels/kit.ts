/**
 * What the product relies on in every channel adapter. A subject brings an adapter, its platform's peer and recorded
 * payloads; the kit asks the rest:
 *
 *   describeChannel('slack', { adapter: slack, connect, startPeer, … });
 */
import { readFile } from 'node:fs/promises';
import { type ChannelAdapter, ChannelError, channelCatalog, type SendReceipt } from '@nightshift/channels';
import type { Address } from '@nightshift/contracts';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeEvents, type Examples } from '../../support/channel/event-examples.ts';
import type { Reaction } from '../../support/channel/index.ts';
import { startDocuments } from '../../support/documents.ts';
import { describeFiles, type FilePeer } from './kit-files.ts';
import { describeHook, type HookSubject } from './kit-hook.ts';
import { describeSplit } from './kit-split.ts';

/** The platform as the adapter meets it: a fake on loopback that checks what it is sent, or a real server. */
export interface Peer extends FilePeer {
  readonly url: string;
  /** How many requests have come. */
  requests(): number;
  /** What people there see, oldest first: each message as it stands now. */
  shown(): { text: string; to?: Address }[];
  /** How it answers from now on. */
  react(how: () => Reaction): void;
  /** Refuses connections. */
  shut(): Promise<void>;
  close(): Promise<void>;
}

export interface Subject {
  // biome-ignore lint/suspicious/noExplicitAny: each adapter has its own credentials and settings
  adapter: ChannelAdapter<any, any>;
  startPeer(): Promise<Peer>;
  /** A connection to the peer, as somebody would store it. */
  connect(url: string): { credentials: unknown; settings: unknown };
  /** A thread that the peer knows. */
  to: Address;
  /** What the platform's documentation says of its answers. A rate limit that asks to wait is asked for by the kit. */
  meaning: readonly (readonly [Reaction, Partial<ChannelError>])[];
  /** How it says "wait 7 seconds". Default: 429 with Retry-After. */
  rateLimit?: Reaction;
  hook?: HookSubject;
  /** The address that answers a message, by the receipt of it. Where there are reactions. */
  answering?(receipt: SendReceipt): Address;
  /**
   * What it makes of the messages that every platform may have, or the test beside its code that asks `describeEvents`.
   * Absent where nothing comes in.
   */
  examples?: (() => Examples | Promise<Examples>) | `packages/${string}.test.ts`;
  /** Not in the catalogue: an adapter of the tests. */
  unlisted?: boolean;
}

export function describeChannel(name: string, subject: Subject): void {
  const { adapter, connect, to, meaning } = subject;
  const { capabilities } = adapter;

  describe(name, () => {
    let peer: Peer;
    beforeEach(async () => {
      peer = await subject.startPeer();
    });
    afterEach(() => peer.close());

    const { fetch, lookup } = createGuardedFetch({ allow: ['127.0.0.1'] });
    const documents = startDocuments();
    afterAll(() => documents.close());
    const context = (more: object = {}) => ({
      fetch,
      lookup,
      documents,
      signal: AbortSignal.timeout(10_000),
      idempotencyKey: 'delivery:0',
      hookUrl: 'https://nightshift.example/v1/hooks/key',
      maxBytes: 1_000_000,
      ...more,
    });
    const connection = () => {
      const { credentials, settings } = connect(peer.url);
      return {
        credentials: adapter.credentials.parse(credentials),
        settings: adapter.settings.parse(settings),
        account: null,
      };
    };
    const send = (text = 'Hello', more?: object) => adapter.send({ text }, to, connection(), context(more));
    const failureOf = async (promise: Promise<unknown>): Promise<ChannelError> => {
      const error = await promise.then(
        () => undefined,
        (cause) => cause,
      );
      expect(error).toBeInstanceOf(ChannelError);
      return error;
    };

    describe('sending', () => {
      it('sends a part once, to its thread, and gives a receipt that can be stored', async () => {
        const receipt = await send('Grüße 👋\n"quoted" \\ 日本');
        expect(JSON.parse(JSON.stringify(receipt))).toEqual(receipt);
        expect(peer.shown()).toEqual([
          { text: 'Grüße 👋\n"quoted" \\ 日本', ...(peer.shown()[0]?.to && { to }) },
        ]);
      });

      it('sends a part as long as its limit', async () => {
        const text = 'x'.repeat(capabilities.limit.max);
        await send(text);
        expect(peer.shown()[0]?.text).toBe(text);
      });

      it.each(meaning)(
        'takes the answer %o for %o, and does not try again by itself',
        async (reaction, expected) => {
          peer.react(() => reaction);
          expect(await failureOf(send())).toMatchObject(expected);
          expect(peer.requests()).toBe(1);
        },
      );

      it('passes on how long the platform asks to wait', async () => {
        peer.react(() => subject.rateLimit ?? { status: 429, headers: { 'retry-after': '7' } });
        expect(await failureOf(send())).toMatchObject({ kind: 'retry', retryAfterMs: 7_000 });
      });

      it('knows that nothing arrived where nobody listens', async () => {
        const { url } = peer;
        await peer.shut();
        expect(await failureOf(send())).toMatchObject({ kind: 'retry' });
        expect(url).toBe(peer.url);
      });

      it('knows that it may have arrived where the connection breaks, or the answer does not come', async () => {
        peer.react(() => 'drop');
        expect(await failureOf(send())).toMatchObject({ kind: 'ambiguous' });
        peer.react(() => 'hang');
        const signal = AbortSignal.timeout(300);
        expect(await failureOf(send('Hello', { signal }))).toMatchObject({ kind: 'ambiguous' });
      });

      it('goes through the fetch and the lookup that it is given, and so not where it must not', async () => {
        const { fetch, lookup } = createGuardedFetch({ allow: [] });
        expect(await failureOf(send('Hello', { fetch, lookup }))).toMatchObject({ kind: 'rejected' });
        expect(peer.requests()).toBe(0);
      });

      it('never tells its secrets', async () => {
        const { credentials } = connect(peer.url);
        const secrets = Object.values(credentials as Record<string, string>);
        peer.react(() => ({ status: 401, body: secrets.join() }));
        const { message } = await failureOf(send());
        for (const value of secrets) expect(message).not.toContain(value);
      });
    });

    describe('what it claims of the platform', () => {
      const claims = [
        ['edit', capabilities.edit !== null, adapter.edit],
        ['typing', capabilities.typing !== null, adapter.typing],
        ['react', capabilities.reactions, adapter.react],
        ['sendFile', capabilities.files.outMax !== null, adapter.sendFile],
        ['download', capabilities.files.inMax !== null, adapter.download],
      ] as const;
      it.each(claims)('has %s exactly when it says so', (_ability, claimed, ability) => {
        expect(typeof ability === 'function').toBe(claimed);
      });

      if (capabilities.rates)
        it('names a chat by fields that its addresses have', () => {
          expect(capabilities.rates!.chat.filter((field) => to[field])).not.toEqual([]);
        });

      if (capabilities.edit)
        it('edits: the message is the same one, and reads anew', async () => {
          const receipt = await send('First');
          await adapter.edit!({ text: 'Second' }, receipt, to, connection(), context());
          await adapter.edit!({ text: 'Third' }, receipt, to, connection(), context());
          expect(peer.shown().map(({ text }) => text)).toEqual(['Third']);
          expect(capabilities.edit!.directMs).toBeGreaterThanOrEqual(1_000);
          expect(capabilities.edit!.groupMs).toBeGreaterThanOrEqual(capabilities.edit!.directMs);
        });

      if (capabilities.edit)
        it('never makes a second message of an edit that fails', async () => {
          const receipt = await send('First');
          peer.react(() => ({ status: 500 }));
          await failureOf(adapter.edit!({ text: 'Second' }, receipt, to, connection(), context()));
          expect(peer.shown()).toHaveLength(1);
        });

      if (capabilities.typing)
        it('shows that it is writing, and says nothing by it', async () => {
          await adapter.typing!(to, connection(), context());
          expect(peer.requests()).toBe(1);
          expect(peer.shown()).toEqual([]);
        });

      if (capabilities.idempotentSend)
        it('gives the platform the key of a part', async () => {
          const receipts: SendReceipt[] = [await send('Hello'), await send('Hello')];
          expect(peer.shown()).toHaveLength(1);
          expect(receipts[1]).toEqual(receipts[0]);
        });

      if (capabilities.reactions)
        it('reacts to a message', async () => {
          const answering = subject.answering!(await send('Hello'));
          await adapter.react!('👍', answering, connection(), context());
          expect(peer.reactions!()).toHaveLength(1);
        });

      describeFiles(adapter, to, () => ({ peer, connection: connection(), context: context() }));
    });

    describe('a text that is longer than a message', () =>
      describeSplit(adapter, () => ({
        peer,
        send: (part, idempotencyKey) => adapter.send(part, to, connection(), context({ idempotencyKey })),
      })));

    describe('setting up', () => {
      it('says who it is there, and that nothing is wrong', async () => {
        const { account, problems } = await adapter.probe(connection(), context());
        expect(account.name).not.toBe('');
        expect(problems).toEqual([]);
        expect(peer.shown()).toEqual([]);
      });

      it('says when the credentials are refused', async () => {
        peer.react(() => ({ status: 401 }));
        await failureOf(adapter.probe(connection(), context()));
      });

      it('refuses credentials and settings that are not its own', () => {
        const { credentials, settings } = connect(peer.url);
        for (const [schema, value] of [
          [adapter.credentials, credentials],
          [adapter.settings, settings],
        ] as const) {
          expect(schema.safeParse(value).success).toBe(true);
          for (const wrong of [null, 'text', [], { ...(value as object), more: 1 }])
            expect(schema.safeParse(wrong).success).toBe(false);
        }
      });

      if (!subject.unlisted)
        it('is in the catalogue, with its fields', () => {
          const entry = channelCatalog.find(({ slug }) => slug === adapter.kind);
          expect(entry).toBeDefined();
          expect(adapter.hook !== undefined).toBe(entry!.connects.includes('webhook'));
          expect(adapter.connector !== undefined).toBe(entry!.connects.some((way) => way !== 'webhook'));
        });
    });

    if (adapter.hook || adapter.connector) {
      const { examples } = subject;
      it('brings examples of what comes in', () => expect(examples).toBeDefined());
      if (typeof examples === 'string')
        it('asks for them there', async () =>
          expect(await readFile(examples, 'utf8')).toContain('describeEvents('));
      else if (examples) describe('what its events say beside their text', () => describeEvents(examples));
    }

    if (adapter.hook) {
      const { hook: hookSubject } = subject;
      it('brings what its platform sends', () => expect(hookSubject).toBeDefined());
      if (hookSubject)
        describe('what comes in', () => describeHook(adapter, hookSubject, () => connection()));
    }
  });
}
