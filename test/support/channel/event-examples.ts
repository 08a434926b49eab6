/** The kit's questions about what an event says beside its text: the same of all platforms. */
import { maxInboundText, particularLimits, unsupportedKinds } from '@nightshift/channels';
import type { InboundEvent, MessageEvent } from '@nightshift/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';

/**
 * What the adapter makes of payloads of its platform, as recorded. A sentence instead of an event says why the platform
 * has no such thing.
 */
export interface Examples {
  /** Somebody writes to us alone. */
  direct: InboundEvent;
  /** Somebody writes where others read along. */
  room: InboundEvent | string;
  /** Somebody answers to an earlier message, or quotes it. */
  quote: InboundEvent | string;
  /** Somebody passes on what somebody else wrote. */
  forward: InboundEvent | string;
  /** Somebody sends what cannot be read here, and nothing else. */
  unreadable: InboundEvent | string;
  /** In a room, somebody mentions somebody else. */
  mentionOfOthers: InboundEvent | string;
}

const isOneLine = (text: string) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) && text === text.trim();

function expectName(name: string | null): void {
  if (name === null) return;
  expect(name).not.toBe('');
  expect(name.length).toBeLessThanOrEqual(particularLimits.name);
  expect(isOneLine(name)).toBe(true);
}

/** What holds of every event, whatever payload it was made of. */
export function expectWellFormed(event: InboundEvent): void {
  expect(event.externalId).not.toBe('');
  if ('sender' in event) {
    const { where, direct } = event;
    // Only where nobody else reads along a place may go without a word.
    if (!direct) expect(where).toBeDefined();
    if (where) {
      expect(direct ? ['direct', 'mail'] : ['group', 'channel', 'thread', 'topic', 'mail']).toContain(
        where.kind,
      );
      expectName(where.name);
    }
    expectName(event.sender.name);
  }
  if (event.type !== 'message') return;
  const { quoted, forwarded, addressees, unsupported, text, attachments = [] } = event;
  if (quoted) {
    expect(quoted.text.length).toBeLessThanOrEqual(particularLimits.quoted);
    expectName(quoted.author?.name ?? null);
  }
  if (forwarded) expectName(forwarded.from);
  for (const list of addressees ? [addressees.to, addressees.cc] : []) {
    expect(list.length).toBeLessThanOrEqual(particularLimits.addressees);
    for (const each of list) {
      expect(each.length).toBeLessThanOrEqual(particularLimits.addressee);
      expect(isOneLine(each)).toBe(true);
    }
  }
  if (unsupported) {
    expect(unsupported.length).toBeGreaterThan(0);
    expect(new Set(unsupported).size).toBe(unsupported.length);
    for (const kind of unsupported) expect(unsupportedKinds).toContain(kind);
  }
  expect(text.length).toBeLessThanOrEqual(maxInboundText);
  // Nothing that a person sends vanishes: what is empty in every way is no message.
  const isSaid = text.trim() !== '' || attachments.length > 0 || unsupported !== undefined;
  expect(isSaid || quoted !== undefined).toBe(true);
}

export function describeEvents(examples: () => Examples | Promise<Examples>): void {
  const message = async (name: keyof Examples): Promise<MessageEvent | null> => {
    const example = (await examples())[name];
    if (typeof example === 'string') {
      expect(example).not.toBe('');
      return null;
    }
    expect(example.type).toBe('message');
    expectWellFormed(example);
    return example as MessageEvent;
  };

  it('says of a message to us alone that it is one', async () => {
    const event = await message('direct');
    expect(event).toMatchObject({ direct: true });
    expect(['direct', 'mail']).toContain(event!.where?.kind ?? 'direct');
  });

  it('says of a message in a room what kind of place that is', async () => {
    const event = await message('room');
    if (event) expect(event).toMatchObject({ direct: false, where: { kind: expect.any(String) } });
  });

  it('brings what a message answers or quotes apart from its own words', async () => {
    const event = await message('quote');
    if (!event) return;
    expect(event.quoted).toBeDefined();
    const { messageId, text } = event.quoted!;
    expect(messageId !== null || text !== '').toBe(true);
    if (text) expect(event.text).not.toContain(text);
  });

  it('marks what is passed on', async () => {
    const event = await message('forward');
    if (event) expect(event.forwarded).toBeDefined();
  });

  it('names what it cannot read', async () => {
    const event = await message('unreadable');
    if (event) expect(event).toMatchObject({ text: '', unsupported: [expect.any(String)] });
  });

  it('tells when others are mentioned', async () => {
    const event = await message('mentionOfOthers');
    if (event) expect(event).toMatchObject({ mentionsOthers: true });
  });
}

/** Values of another kind than any field expects, and far too much of the expected one. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, '', ' ', '\0', '\ud800', [], {}, [[]], [null]),
  fc.constantFrom<unknown>('x'.repeat(300_000), '\u2028line\r\nline', Array(3_000).fill({ text: 'x' })),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.jsonValue({ maxDepth: 3 }),
);

type Path = readonly (string | number)[];

/** Each place in a JSON value, but the whole. */
export function pathsOf(value: unknown, before: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => {
    const path = [...before, Array.isArray(value) ? Number(key) : key];
    return [path, ...pathsOf(below, path)];
  });
}

/** A copy with another value at a place. */
export function withValue(value: unknown, [key, ...rest]: Path, replacement: unknown): unknown {
  if (key === undefined) return replacement;
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? ([...value] as unknown as Record<number, unknown>)
    : { ...(value as object) };
  copy[key] = withValue(copy[key], rest, replacement);
  return copy;
}
