import { describe, expect, it } from 'vitest';
import type { Target, TargetKey } from './plan.ts';
import { nameOf, type Order, orderKeys, orderTargets } from './plan-order.ts';

const key = (credentialId: string, more: Partial<TargetKey> = {}): TargetKey => ({
  credentialId,
  endpoint: { provider: 'a', wire: 'openai-chat', baseUrl: 'https://a.example', apiKey: 'k', compat: {} },
  ...more,
});
const target = (provider: string, more: Partial<Target> = {}): Target => ({
  provider,
  model: 'm',
  candidates: [key('k1')],
  ...more,
});
const order = (targets: Target[], more: Partial<Order> = {}) =>
  orderTargets(targets, {
    pick: 'order',
    seed: 'conversation',
    lastTarget: null,
    hasImages: false,
    costOf: () => null,
    firstTokenOf: () => null,
    ...more,
  })
    .map(({ provider }) => provider)
    .join(' ');

const conversations = Array.from({ length: 4000 }, (_, index) => `conversation ${index}`);
/** How often each comes first. */
const shares = (first: (seed: string) => string) =>
  Object.fromEntries(
    [...Map.groupBy(conversations.map(first), (name) => name)].map(([name, all]) => [
      name,
      all.length / conversations.length,
    ]),
  );

describe('targets', () => {
  const [a, b, c] = [target('a'), target('b'), target('c')];
  const blind = target('blind', {
    candidates: [{ ...key('k1'), endpoint: { ...key('k1').endpoint, compat: { textOnly: true } } }],
  });

  it.each<[string, Target[], Partial<Order>, string]>([
    ['stand as listed', [b, a, c], {}, 'b a c'],
    ['stand by tier first', [target('x', { tier: 3 }), target('y', { tier: 2 }), a], {}, 'a y x'],
    [
      'stand by cost, unknown ones last',
      [a, b, c],
      { pick: 'cheapest', costOf: costs({ b: 2, c: 1 }) },
      'c b a',
    ],
    [
      'stand by the time to the first token, unmeasured ones first',
      [a, b, c],
      { pick: 'fastest', firstTokenOf: costs({ a: 200, b: 100 }) },
      'c b a',
    ],
    ['begin with the last one that answered', [a, b, c], { lastTarget: 'c/m' }, 'c a b'],
    [
      'begin with it whatever the pick',
      [a, b],
      { pick: 'cheapest', costOf: costs({ a: 1, b: 2 }), lastTarget: 'b/m' },
      'b a',
    ],
    ['begin with it only within its tier', [a, target('x', { tier: 2 })], { lastTarget: 'x/m' }, 'a x'],
    ['end with those without a share', [target('x', { weight: 0 }), a], { pick: 'weight' }, 'a x'],
    [
      'leave one whose share was taken away',
      [target('x', { weight: 0 }), a],
      { pick: 'weight', lastTarget: 'x/m' },
      'a x',
    ],
    [
      'begin with those that see images, over all tiers',
      [blind, target('x', { tier: 2 })],
      { hasImages: true },
      'x blind',
    ],
    ['mind images only when there are some', [blind, a], {}, 'blind a'],
  ])('%s', (_name, targets, more, expected) => {
    expect(order(targets, more)).toBe(expected);
  });

  function costs(values: Record<string, number>) {
    return ({ provider }: Target) => values[provider] ?? null;
  }

  it('get their share of conversations, each always the same', () => {
    const targets = [target('a', { weight: 1 }), target('b', { weight: 3 }), target('c', { weight: 0 })];
    const first = (seed: string) => order(targets, { pick: 'weight', seed }).split(' ')[0]!;
    const share = shares(first);
    expect(share.a).toBeCloseTo(0.25, 1);
    expect(share.b).toBeCloseTo(0.75, 1);
    expect(share.c).toBeUndefined();
    expect(conversations.slice(0, 50).map(first)).toEqual(conversations.slice(0, 50).map(first));
  });

  it('move only the conversations of the one that goes', () => {
    const all = ['a', 'b', 'c'].map((name) => target(name));
    const without = all.slice(0, 2);
    for (const seed of conversations.slice(0, 200)) {
      const before = order(all, { pick: 'weight', seed });
      const after = order(without, { pick: 'weight', seed });
      expect(after).toBe(
        before.replace(/ ?c ?/, (match) => (match.trim() === match ? '' : match === ' c ' ? ' ' : '')),
      );
    }
  });
});

describe('keys', () => {
  const ids = (keys: TargetKey[], seed: string) =>
    orderKeys(keys, seed).map(({ credentialId }) => credentialId);

  it('share conversations by weight; those without a share come last', () => {
    const keys = [key('none', { weight: 0 }), key('one'), key('two', { weight: 2 })];
    const share = shares((seed) => ids(keys, seed)[0]!);
    expect(share.one).toBeCloseTo(1 / 3, 1);
    expect(share.two).toBeCloseTo(2 / 3, 1);
    expect(ids(keys, 'any').at(-1)).toBe('none');
  });
});

it('names a target as agents do', () => {
  expect(nameOf(target('openai', { model: 'gpt-5.4' }))).toBe('openai/gpt-5.4');
});
