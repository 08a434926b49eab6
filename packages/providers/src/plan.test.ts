import { describe, expect, it } from 'vitest';
import { createHealth } from './health.ts';
import { type Candidate, createPlan, type PlanOptions, type Target } from './plan.ts';
import { ModelError, type ModelErrorKind } from './provider.ts';

const target = (provider: string, ...keys: string[]): Target => ({
  provider,
  model: 'm',
  candidates: keys.map((apiKey) => ({
    credentialId: apiKey,
    endpoint: { provider, wire: 'openai-chat', baseUrl: `https://${provider}.example`, apiKey, compat: {} },
  })),
});
const planOf = (targets: Target[], options: Partial<PlanOptions> = {}) =>
  createPlan(targets, {
    health: createHealth(),
    maxAttempts: 10,
    deadlineAt: 120_000,
    random: () => 1,
    now: 0,
    ...options,
  });
const error = (kind: ModelErrorKind, retryAfterMs?: number) =>
  new ModelError(kind, kind, retryAfterMs === undefined ? {} : { retryAfterMs });

/** Takes the next step, which must be an attempt, and lets it fail. */
function failNext(
  plan: ReturnType<typeof planOf>,
  kind: ModelErrorKind,
  now = 0,
  retryAfterMs?: number,
): string {
  const step = plan.next(now);
  if (step.do !== 'attempt') throw new Error(`an attempt was expected, not ${step.do}`);
  plan.failed(step.candidate, error(kind, retryAfterMs), now);
  return nameOf(step.candidate);
}
const nameOf = (candidate: Candidate) => `${candidate.target.provider}:${candidate.credentialId}`;

describe('plan', () => {
  it('keeps the order of targets and keys', () => {
    const plan = planOf([target('a', 'k1', 'k2'), target('b', 'k3')]);
    expect([failNext(plan, 'auth'), failNext(plan, 'billing'), failNext(plan, 'quota')]).toEqual([
      'a:k1',
      'a:k2',
      'b:k3',
    ]);
    expect(plan.next(0)).toMatchObject({
      do: 'give up',
      error: { kind: 'auth', message: expect.stringMatching(/^No key works/) },
    });
  });

  it('rests one key for a rate limit, and the whole target for anything else', () => {
    const limited = planOf([target('a', 'k1', 'k2'), target('b', 'k3')]);
    failNext(limited, 'rate');
    expect(failNext(limited, 'rate')).toBe('a:k2');
    const busy = planOf([target('a', 'k1', 'k2'), target('b', 'k3')]);
    failNext(busy, 'overload');
    expect(failNext(busy, 'overload')).toBe('b:k3');
  });

  it('waits for whoever is ready first, and doubles the wait up to 8 s', () => {
    const plan = planOf([target('a', 'k1')]);
    let now = 0;
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      failNext(plan, 'server', now);
      const step = plan.next(now);
      if (step.do !== 'wait') throw new Error('a wait was expected');
      waits.push(step.ms);
      now += step.ms;
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('takes half of the wait from chance', () => {
    const plan = planOf([target('a', 'k1')], { random: () => 0 });
    failNext(plan, 'server');
    expect(plan.next(0)).toEqual({ do: 'wait', ms: 250 });
  });

  it('believes the vendor about the wait', () => {
    const plan = planOf([target('a', 'k1'), target('b', 'k2')]);
    failNext(plan, 'rate', 0, 30_000);
    failNext(plan, 'rate', 0, 9000);
    expect(plan.next(0)).toEqual({ do: 'wait', ms: 9000 });
    expect(failNext(plan, 'rate', 9000, 60_000)).toBe('b:k2');
    expect(plan.next(9000)).toEqual({ do: 'wait', ms: 21_000 });
  });

  it('does not wait beyond the deadline', () => {
    const plan = planOf([target('a', 'k1')], { deadlineAt: 10_000 });
    failNext(plan, 'rate', 4000, 6000);
    expect(plan.next(4000)).toMatchObject({
      do: 'give up',
      error: { kind: 'rate', message: expect.stringContaining('wait 6 s, and 6 s') },
    });
  });

  it('begins nothing after the deadline', () => {
    const plan = planOf([target('a', 'k1'), target('b', 'k2')], { deadlineAt: 10_000 });
    failNext(plan, 'timeout', 10_000);
    expect(plan.next(10_000)).toMatchObject({ do: 'give up', error: { kind: 'timeout' } });
  });

  it('counts attempts over everything', () => {
    const plan = planOf([target('a', 'k1'), target('b', 'k2')], { maxAttempts: 2 });
    failNext(plan, 'server');
    failNext(plan, 'overload');
    expect(plan.next(60_000)).toMatchObject({
      do: 'give up',
      error: { kind: 'overload', message: expect.stringContaining('2 attempts') },
    });
  });

  it.each(['request', 'context', 'content', 'aborted'] as const)('ends with %s', (kind) => {
    const plan = planOf([target('a', 'k1'), target('b', 'k2')]);
    failNext(plan, kind);
    expect(plan.next(0)).toMatchObject({ do: 'give up', error: { kind } });
  });
});
