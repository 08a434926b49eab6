/** The kit's questions about what a platform pushes: who may be believed, and what it says. */
import { type ChannelAdapter, ChannelError, type RawRequest } from '@nightshift/channels';
import type { InboundEvent } from '@nightshift/contracts';
import { createGuardedFetch } from '@nightshift/core/guarded-fetch';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { expectWellFormed, hostileValue, pathsOf, withValue } from '../../support/channel/event-examples.ts';
import { millisecondsOf } from '../../support/growth/measure.ts';

export interface HookSubject {
  /** A body as the platform signs it at a time (milliseconds of the epoch), for the connection of the subject. */
  sign(body: Uint8Array, at: number): RawRequest;
  /** The same by somebody who hopes that no secret is set, and signs with the empty one. */
  signUnset(body: Uint8Array, at: number): RawRequest;
  /** A message that says this, as the platform sends it. */
  says(text: string): string;
  /** The headers without which nothing is believed, in lower case. */
  authHeaders: readonly string[];
  /** How old a captured request may be; null: the platform signs no time. */
  windowMs: number | null;
  /** False: the platform sends a shared token, which says nothing of the body. */
  signsBody: boolean;
  /** Other credentials of the same shape. */
  otherCredentials: unknown;
  /** What the platform sends, as recorded, and what it means. */
  recordings: readonly Recording[];
  /** Bodies that the platform would never send. */
  malformed: readonly (string | Uint8Array)[];
}

export interface Recording {
  name: string;
  body: string;
  events: readonly object[];
}

/** Much more than a platform sends at once. */
const hugeBytes = 2 * 1024 * 1024;

// Public keys are fetched from a peer on loopback.
const { fetch } = createGuardedFetch({ allow: ['127.0.0.1'] });

export function describeHook(
  // biome-ignore lint/suspicious/noExplicitAny: each adapter has its own credentials and settings
  adapter: ChannelAdapter<any, any>,
  subject: HookSubject,
  connection: () => { credentials: unknown; settings: unknown; account: null },
): void {
  const { sign, signUnset, says, authHeaders, windowMs, signsBody, otherCredentials, recordings, malformed } =
    subject;
  const hook = adapter.hook!;
  const now = Date.UTC(2026, 10, 22, 12);
  const [first] = recordings;
  const bytes = (body: string | Uint8Array) => Buffer.from(body);
  const good = () => sign(bytes(first!.body), now);

  const isBelieved = async (request: RawRequest, at = now, under = connection()) => {
    const context = { now: at, fetch, signal: AbortSignal.timeout(5_000) };
    return (async () => hook.verify(request, under, context))().then(
      ({ ok }) => ok,
      () => false,
    );
  };
  const withHeader = (request: RawRequest, name: string, value: string | undefined): RawRequest => ({
    ...request,
    headers: { ...request.headers, [name]: value },
  });

  it('believes what the platform signed', async () => {
    expect(recordings.length).toBeGreaterThan(0);
    for (const { body } of recordings) expect(await isBelieved(sign(bytes(body), now))).toBe(true);
  });

  it.each(authHeaders)('believes nothing without, with half of, or with another %s', async (name) => {
    const value = good().headers[name]!;
    expect(value).toBeTruthy();
    const forged = [
      undefined,
      '',
      value.slice(0, -1),
      value.slice(0, value.length >> 1),
      `${value}x`,
      'ü'.repeat(value.length),
      '\u{1F600}',
    ];
    for (const each of forged)
      expect([each, await isBelieved(withHeader(good(), name, each))]).toEqual([each, false]);
  });

  it('believes nothing signed with another secret', async () => {
    expect(await isBelieved(good(), now, { ...connection(), credentials: otherCredentials })).toBe(false);
  });

  it('believes nothing where no secret is set, however it is signed', async () => {
    const names = Object.keys(connection().credentials as object);
    for (const nothing of ['', undefined, null]) {
      const credentials = Object.fromEntries(names.map((name) => [name, nothing]));
      for (const request of [good(), signUnset(bytes(first!.body), now)])
        expect(await isBelieved(request, now, { ...connection(), credentials })).toBe(false);
    }
    const request = signUnset(bytes(first!.body), now);
    expect(await isBelieved(request)).toBe(false);
  });

  if (signsBody)
    it('believes no body that was changed, shortened or written anew', async () => {
      const { body } = good();
      const changed = Buffer.from(body);
      changed[changed.length >> 1]! ^= 1;
      const variants: Uint8Array[] = [
        changed,
        body.subarray(0, -1),
        Buffer.concat([body, Buffer.from(' ')]),
        Buffer.alloc(0),
      ];
      const text = Buffer.from(body).toString();
      try {
        variants.push(Buffer.from(JSON.stringify(JSON.parse(text), null, 1)));
      } catch {
        variants.push(Buffer.from(encodeURIComponent(text)));
      }
      for (const variant of variants) expect(await isBelieved({ ...good(), body: variant })).toBe(false);
    });

  if (windowMs !== null)
    it('believes nothing of the past or the future beyond its window, either way', async () => {
      const within = windowMs! - 2_000;
      const beyond = windowMs! + 2_000;
      for (const [off, fine] of [
        [within, true],
        [-within, true],
        [beyond, false],
        [-beyond, false],
      ] as const)
        expect([off, await isBelieved(good(), now + off)]).toEqual([off, fine]);
    });

  it.each(recordings)('reads $name', async ({ body, events }) => {
    expect(hook.parse(sign(bytes(body), now), connection())).toMatchObject(events);
  });

  it('says of each recorded event what holds of every event', () => {
    for (const { body } of recordings)
      for (const event of hook.parse(sign(bytes(body), now), connection())) expectWellFormed(event);
  });

  it('makes well-formed events, or an error of its own, of recordings with a hostile value in them', () => {
    const jsons = recordings.flatMap(({ body }) => {
      try {
        return [JSON.parse(body) as unknown];
      } catch {
        return [];
      }
    });
    if (jsons.length === 0) return;
    const places = jsons.flatMap((json) => pathsOf(json).map((path) => ({ json, path })));
    fc.assert(
      fc.property(fc.constantFrom(...places), hostileValue, ({ json, path }, value) => {
        const request = sign(bytes(JSON.stringify(withValue(json, path, value))), now);
        try {
          for (const event of hook.parse(request, connection())) expectWellFormed(event);
        } catch (error) {
          if (!(error instanceof ChannelError)) throw error;
          expect(error.kind).toBe('rejected');
        }
      }),
      { numRuns: 300 },
    );
  });

  it('reads a message of sixty kilobytes as a whole', () => {
    const text = 'Grüße, שלום and 👩‍👩‍👧‍👦. '.repeat(1_500).trim();
    expect(Buffer.byteLength(text)).toBeGreaterThan(60_000);
    expect(hook.parse(sign(bytes(says(text)), now), connection())).toMatchObject([{ type: 'message', text }]);
  });

  it('names an event the same whenever it is delivered again', () => {
    for (const { body } of recordings) {
      const names = (at: number) =>
        hook.parse(sign(bytes(body), at), connection()).map(({ externalId }: InboundEvent) => externalId);
      expect(names(now + 60_000)).toEqual(names(now));
      for (const name of names(now)) expect(name).not.toBe('');
    }
  });

  it('knows its own messages and those of other programs', () => {
    const events = recordings.flatMap(({ body }) => hook.parse(sign(bytes(body), now), connection()));
    const senders = events.flatMap((event) => ('sender' in event ? [event.sender] : []));
    // A recording of each is what shows it; a platform that never echoes has no message of its own.
    expect(senders.some(({ isBot, isSelf }) => isBot || isSelf)).toBe(true);
  });

  it('says of every sender what its id proves', () => {
    const events = recordings.flatMap(({ body }) => hook.parse(sign(bytes(body), now), connection()));
    const senders = events.flatMap((event) => ('sender' in event ? [event.sender] : []));
    expect(senders.length).toBeGreaterThan(0);
    for (const { id, identity } of senders) {
      expect(['account', 'name']).toContain(identity);
      expect(id).not.toBe('');
    }
  });

  it('refuses what is malformed with an error of its own', () => {
    expect(malformed.length).toBeGreaterThan(0);
    for (const body of [...malformed, '', '{', 'null', '[]', new Uint8Array([0x22, 0xff, 0x22])]) {
      const parse = () => hook.parse(sign(bytes(body), now), connection());
      try {
        // What it can make nothing of it may also ignore.
        for (const event of parse()) expect(event.type).toBe('ignored');
      } catch (error) {
        expect(error).toBeInstanceOf(ChannelError);
        expect(error).toMatchObject({ kind: 'rejected' });
      }
    }
  });

  it('gets through a huge body, deep nesting and a long list soon', () => {
    const parse = (body: string) => {
      try {
        hook.parse(sign(bytes(body), now), connection());
      } catch (error) {
        expect(error).toBeInstanceOf(ChannelError);
      }
    };
    for (const body of [
      `{"text":"${'x'.repeat(hugeBytes)}"}`,
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      `[${'{},'.repeat(100_000)}{}]`,
    ])
      expect(millisecondsOf(() => parse(body))).toBeLessThan(2_000);
  });
}
