import { describe, expect, it } from 'vitest';
import { createHealth } from './health.ts';
import { type Candidate, createPlan, type PlanOptions, type Target } from './plan.ts';
import { ModelError, type ModelErrorKind, type ModelErrorOptions } from './provider.ts';

const target = (provider: string, keys: string[] = ['k1'], more: Partial<Target> = {}): Target => ({
  provider,
  model: 'm',
  candidates: keys.map((apiKey) => ({
    credentialId: apiKey,
    endpoint: { provider, wire: 'openai-chat', baseUrl: `https://${provider}.example`, apiKey, compat: {} },
  })),
  ...more,
});

/** A plan with a clock and a health of its own, told of failures as the router tells them. */
function planOf(targets: Target[], options: Partial<PlanOptions> = {}) {
  let now = 0;
  const health = options.health ?? createHealth({ now: () => now });
  const plan = createPlan(targets, {
    health,
    scope: 'team',
    origin: 'conversation',
    seed: 'conversation',
    inputTokens: 0,
    maxAttempts: 10,
    deadlineAt: 120_000,
    firstTokenMs: 60_000,
    random: () => 1,
    ...options,
  });
  return {
    next: () => plan.next(now),
    /** Waits as the plan says, then lets the next attempt fail after `tookMs`. @returns who it was, after which wait */
    fail(kind: ModelErrorKind, more: ModelErrorOptions = {}, tookMs = 0): string {
      let waited = 0;
      for (;;) {
        const step = plan.next(now);
        if (step.do === 'give up') throw step.error;
        if (step.do === 'wait') {
          now += step.ms;
          waited += step.ms;
          continue;
        }
        now += tookMs;
        const error = new ModelError(kind, `${kind} of ${nameOf(step.candidate)}`, more);
        health.ended(step.candidate.health, error, step.probe);
        plan.failed(step.candidate, error, now);
        return `${nameOf(step.candidate)}${waited ? ` after ${waited} ms` : ''}`;
      }
    },
  };
}
const nameOf = ({ target, key }: Candidate) => `${target.provider}:${key.credentialId}`;

describe('a failure', () => {
  it.each(['auth', 'billing', 'quota'] as const)(
    'of kind %s moves on to the next key, then to the next target',
    (kind) => {
      const plan = planOf([target('a', ['k1', 'k2']), target('b')]);
      const [first, second] = [plan.fail(kind), plan.fail(kind)];
      expect([first, second].sort()).toEqual(['a:k1', 'a:k2']);
      expect(plan.fail(kind)).toBe('b:k1');
      expect(plan.next()).toMatchObject({ do: 'give up', error: { kind } });
    },
  );

  it('that may pass does not stop calls that have nobody else to go to, but for the last attempt', () => {
    const health = createHealth({ now: () => 0 });
    const others = planOf([target('a')], { health });
    for (let failed = 0; failed < 3; failed++) others.fail('server');
    const alone = planOf([target('a')], { health, maxAttempts: 2 });
    expect(alone.fail('server')).toBe('a:k1');
    expect(alone.fail('server')).toBe('a:k1 after 5000 ms');
    expect(planOf([target('a'), target('b')], { health }).fail('server')).toBe('b:k1');
  });

  it('that may pass is retried once on the same target, after a short wait, before the next one', () => {
    const plan = planOf([target('a'), target('b')]);
    expect(plan.fail('server')).toBe('a:k1');
    expect(plan.fail('overload')).toBe('a:k1 after 400 ms');
    expect(plan.fail('network')).toBe('b:k1');
    expect(plan.fail('truncated')).toBe('b:k1 after 400 ms');
    // Both rest now; the one that was left first is ready first.
    expect(plan.fail('server')).toBe('a:k1 after 600 ms');
  });

  it('takes half of the wait from chance', () => {
    const plan = planOf([target('a')], { random: () => 0 });
    plan.fail('server');
    expect(plan.next()).toEqual({ do: 'wait', ms: 200 });
  });

  it('is not retried at the cost of the first turn of another target', () => {
    const plan = planOf([target('a'), target('b'), target('c')], { maxAttempts: 4 });
    expect([plan.fail('server'), plan.fail('server'), plan.fail('server'), plan.fail('server')]).toEqual([
      'a:k1',
      'a:k1 after 400 ms',
      'b:k1',
      'c:k1',
    ]);
    expect(plan.next()).toMatchObject({
      do: 'give up',
      error: { kind: 'server', message: expect.stringMatching(/after 4 attempts.*of c:k1/) },
    });
  });

  it.each([
    [60_000, 'b:k1'],
    [30_000, 'a:k1 after 400 ms'],
  ])('by a first token that took %s ms leaves time for the next target', (firstTokenMs, next) => {
    const plan = planOf([target('a'), target('b')], { firstTokenMs });
    plan.fail('timeout', {}, firstTokenMs);
    expect(plan.fail('timeout')).toBe(next);
  });

  it('of one rate-limited key goes to another key at once, then to the next target', () => {
    const plan = planOf([target('a', ['k1', 'k2']), target('b')]);
    expect([plan.fail('rate'), plan.fail('rate')].sort()).toEqual(['a:k1', 'a:k2']);
    expect(plan.fail('rate')).toBe('b:k1');
  });

  it('that names a wait is waited for when nobody else is left, and no longer than the deadline', () => {
    const plan = planOf([target('a')]);
    plan.fail('rate', { retryAfterMs: 17_000 });
    expect(plan.fail('rate', { retryAfterMs: 300_000 })).toBe('a:k1 after 17000 ms');
    expect(plan.next()).toMatchObject({
      do: 'give up',
      error: { kind: 'rate', message: expect.stringMatching(/wait 300 s, and 103 s of the deadline/) },
    });
  });

  it('that asks for a long wait is not retried while there are others', () => {
    const plan = planOf([target('a'), target('b')]);
    plan.fail('overload', { retryAfterMs: 30_000 });
    expect(plan.fail('server')).toBe('b:k1');
  });

  it('of an unknown model or a redirect leaves the target with all its keys', () => {
    expect(leftAfter('model')).toBe('b:k1');
    expect(leftAfter('request', { status: 302 })).toBe('b:k1');
  });
  function leftAfter(kind: ModelErrorKind, more?: ModelErrorOptions) {
    const plan = planOf([target('a', ['k1', 'k2']), target('b')]);
    plan.fail(kind, more);
    return plan.fail('server');
  }

  it.each([
    ['request', 400],
    ['content', 400],
    ['aborted', undefined],
  ] as const)('of kind %s (HTTP %s) ends the call', (kind, status) => {
    const plan = planOf([target('a', ['k1', 'k2']), target('b')]);
    plan.fail(kind, status === undefined ? {} : { status });
    expect(plan.next()).toMatchObject({ do: 'give up', error: { kind } });
  });

  it.each(['content', 'empty', 'malformed'] as const)(
    'of an answer (%s) is retried once, then the next target has its turn',
    (kind) => {
      const plan = planOf([target('a'), target('b')]);
      expect([plan.fail(kind), plan.fail(kind), plan.fail(kind)]).toEqual([
        'a:k1',
        'a:k1 after 400 ms',
        'b:k1',
      ]);
    },
  );

  it('begins nothing after the deadline', () => {
    const plan = planOf([target('a'), target('b')], { deadlineAt: 10_000 });
    plan.fail('timeout', {}, 10_000);
    expect(plan.next()).toMatchObject({ do: 'give up', error: { kind: 'timeout' } });
  });
});

describe('the context window', () => {
  const small = target('small', ['k1'], { contextWindow: 8_000 });
  const unknown = target('unknown');
  const large = target('large', ['k1'], { contextWindow: 200_000 });

  it('passes over a model that is too small for certain', () => {
    const plan = planOf([small, large], { inputTokens: 9_000 });
    expect(plan.fail('server')).toBe('large:k1');
  });

  it('names the sizes when nobody is large enough', () => {
    const plan = planOf([small, large], { inputTokens: 300_000 });
    const step = plan.next();
    expect(step).toMatchObject({ do: 'give up', error: { kind: 'context' } });
    expect((step as { error: Error }).error.message).toBe(
      'No model can answer. The conversation is at least 300,000 tokens long, and the window of small/m holds 8,000. · ' +
        'The conversation is at least 300,000 tokens long, and the window of large/m holds 200,000.',
    );
  });

  it.each([
    ['a larger one', [small, unknown, large], 'large:k1'],
    ['one that is known to be larger', [unknown, small, large], 'small:k1'],
  ])('that is exceeded moves on to %s', (_name, targets, next) => {
    const plan = planOf(targets);
    plan.fail('context');
    expect(plan.fail('context')).toBe(next);
  });

  it('that is exceeded everywhere is what the vendor said', () => {
    const plan = planOf([large, small, unknown]);
    plan.fail('context');
    expect(plan.next()).toMatchObject({
      do: 'give up',
      error: { kind: 'context', message: 'context of large:k1' },
    });
  });
});

describe('health', () => {
  it('passes over what rests, and comes back to it', () => {
    let now = 0;
    const health = createHealth({ now: () => now });
    const [a, b] = [target('a'), target('b')];
    const ruined = planOf([a], { health });
    ruined.fail('rate', { retryAfterMs: 20_000 });
    expect(planOf([a, b], { health }).fail('request')).toBe('b:k1');
    expect(planOf([a], { health }).next()).toEqual({ do: 'wait', ms: 20_000 });
    now = 20_000;
    const plan = createPlan([a, b], {
      health,
      scope: 'team',
      origin: null,
      seed: '',
      inputTokens: 0,
      maxAttempts: 4,
      deadlineAt: 60_000,
      firstTokenMs: 1000,
      random: () => 0,
    });
    expect(plan.next(now)).toMatchObject({
      do: 'attempt',
      probe: true,
      candidate: { target: { provider: 'a' } },
    });
  });

  it('of refused keys is told without a call', () => {
    const health = createHealth({ now: () => 0 });
    const a = target('a', ['k1', 'k2']);
    const plan = planOf([a], { health });
    plan.fail('auth');
    plan.fail('billing');
    expect(planOf([a, target('b', [])], { health }).next()).toMatchObject({
      do: 'give up',
      error: {
        message: expect.stringMatching(
          /^No key works\. a\/m with key k\d: (auth|billing) of a:k\d\. Not tried again for 5 more minutes, unless the key is changed\. · a\/m with key .* · b\/m: no key is connected\.$/,
        ),
      },
    });
  });
});

it('says when there is nothing to try', () => {
  expect(planOf([]).next()).toMatchObject({ do: 'give up', error: { message: 'No model is given.' } });
  expect(planOf([target('a', [])]).next()).toMatchObject({
    error: { kind: 'auth', message: 'No key is connected for a/m.' },
  });
});
