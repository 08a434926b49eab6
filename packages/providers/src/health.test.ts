import type { CircuitRecord } from '@nightshift/contracts';
import { describe, expect, it } from 'vitest';
import { createHealth, type HealthShare, healthKey } from './health.ts';
import { type Endpoint, ModelError, type ModelErrorKind } from './provider.ts';

const second = 1_000;
const minute = 60_000;

const endpoint: Endpoint = {
  provider: 'acme',
  wire: 'openai-chat',
  baseUrl: 'https://acme.example',
  apiKey: 'secret-key',
  compat: {},
};
const key = healthKey('team', endpoint, 'm1', 'id-1');
const error = (kind: ModelErrorKind, retryAfterMs?: number) =>
  new ModelError(kind, `It is ${kind}`, retryAfterMs === undefined ? {} : { retryAfterMs });

function watched(share?: HealthShare) {
  let now = 1_000_000;
  const health = createHealth({ share, now: () => now });
  return {
    ...health,
    fail: (kind: ModelErrorKind, retryAfterMs?: number, probe = false) =>
      health.ended(key, error(kind, retryAfterMs), probe),
    succeed: (probe = false) => {
      health.answered(key, 100, probe);
      health.ended(key, null, probe);
    },
    /** `try`, `probe`, or for how long it rests. */
    state() {
      const verdict = health.look(key);
      return typeof verdict === 'string' ? verdict : verdict.until - now;
    },
    pass(ms: number) {
      now += ms;
    },
  };
}

describe('a circuit', () => {
  it.each<[string, ModelErrorKind, number | undefined, number]>([
    ['five minutes for a refused key', 'auth', undefined, 5 * minute],
    ['five minutes for an unpaid bill', 'billing', undefined, 5 * minute],
    ['five minutes for a quota', 'quota', undefined, 5 * minute],
    ["until the quota's reset", 'quota', 40 * minute, 40 * minute],
    ['an hour at most for a quota', 'quota', 40 * 24 * 60 * minute, 60 * minute],
    ["as long as a rate limit's vendor says", 'rate', 17 * second, 17 * second],
    ['a quarter of an hour at most for a rate limit', 'rate', 24 * 60 * minute, 15 * minute],
    ['a second at least', 'rate', 3, second],
    ['five seconds for a rate limit without a word', 'rate', undefined, 5 * second],
  ])('opens at once, for %s', (_name, kind, retryAfterMs, ms) => {
    const circuit = watched();
    circuit.fail(kind, retryAfterMs);
    expect(circuit.state()).toBe(ms);
  });

  it.each(['server', 'overload', 'network', 'timeout', 'truncated'] as const)(
    'opens after three failures in a row of kind %s',
    (kind) => {
      const circuit = watched();
      circuit.fail(kind);
      circuit.fail(kind);
      circuit.succeed();
      circuit.fail(kind);
      circuit.fail(kind);
      expect(circuit.state()).toBe('try');
      circuit.fail(kind);
      expect(circuit.state()).toBe(5 * second);
    },
  );

  it.each(['model', 'context', 'content', 'request', 'aborted'] as const)('is not opened by %s', (kind) => {
    const circuit = watched();
    for (let i = 0; i < 5; i++) circuit.fail(kind);
    expect(circuit.state()).toBe('try');
  });

  it('is open longer each time its probe fails, up to five minutes', async () => {
    const circuit = watched();
    for (let i = 0; i < 3; i++) circuit.fail('server');
    const times: unknown[] = [];
    for (let i = 0; i < 8; i++) {
      times.push(circuit.state());
      circuit.pass(circuit.state() as number);
      expect(circuit.state()).toBe('probe');
      expect(await circuit.claimProbe(key, 60 * second)).toBe(true);
      circuit.fail('server', undefined, true);
    }
    expect(times).toEqual([5, 10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * second));
  });

  it('counts a hundred calls that fail together as one', () => {
    const circuit = watched();
    for (let i = 0; i < 100; i++) circuit.fail('server');
    expect(circuit.state()).toBe(5 * second);
  });

  it('lets one through when its time is over, and closes when that one answers', async () => {
    const circuit = watched();
    circuit.fail('rate', 10 * second);
    circuit.pass(10 * second);
    expect(circuit.state()).toBe('probe');
    expect(await circuit.claimProbe(key, 60 * second)).toBe(true);
    expect(await circuit.claimProbe(key, 60 * second)).toBe(false);
    expect(circuit.state()).toBe(250);
    circuit.answered(key, 80, true);
    expect(circuit.state()).toBe('try');
  });

  it('is tried by another when the one that claimed it was stopped, or never said a word', async () => {
    const circuit = watched();
    circuit.fail('rate', 10 * second);
    circuit.pass(10 * second);
    await circuit.claimProbe(key, 60 * second);
    circuit.fail('aborted', undefined, true);
    expect(circuit.state()).toBe('probe');
    await circuit.claimProbe(key, 60 * second);
    circuit.releaseProbe(key);
    expect(circuit.state()).toBe('probe');
    await circuit.claimProbe(key, 60 * second);
    circuit.pass(60 * second);
    expect(circuit.state()).toBe('probe');
  });

  it('is closed by an answer that finds fault with the call', async () => {
    const circuit = watched();
    circuit.fail('auth');
    circuit.pass(5 * minute);
    await circuit.claimProbe(key, second);
    circuit.fail('request', undefined, true);
    expect(circuit.state()).toBe('try');
  });

  it('opens again when its answers keep breaking off', async () => {
    const circuit = watched();
    for (let i = 0; i < 3; i++) circuit.fail('server');
    circuit.pass(5 * second);
    await circuit.claimProbe(key, second);
    circuit.answered(key, 80, true);
    circuit.fail('truncated', undefined, true);
    expect(circuit.state()).toBe(10 * second);
  });

  it('is not touched by what began before it opened', () => {
    const circuit = watched();
    circuit.fail('auth');
    circuit.succeed();
    circuit.fail('rate', 20 * minute);
    expect(circuit.state()).toBe(5 * minute);
  });

  it('says why it rests', () => {
    const circuit = watched();
    circuit.fail('auth');
    expect(circuit.look(key)).toMatchObject({
      error: {
        kind: 'auth',
        message: 'It is auth. Not tried again for 5 more minutes, unless the key is changed.',
      },
    });
  });

  it("is one team's, one key's, one model's", () => {
    const circuit = watched();
    circuit.fail('auth');
    for (const other of [
      healthKey('another team', endpoint, 'm1', 'id-1'),
      healthKey('team', { ...endpoint, apiKey: 'changed' }, 'm1', 'id-1'),
      healthKey('team', { ...endpoint, baseUrl: 'https://other.example' }, 'm1', 'id-1'),
      healthKey('team', endpoint, 'm2', 'id-1'),
    ]) {
      expect(circuit.look(other)).toBe('try');
    }
    expect(JSON.stringify(key)).not.toContain('secret');
  });
});

describe('rate headers', () => {
  it('rest a key that has nothing left, until the reset, and need no probe then', () => {
    const circuit = watched();
    circuit.limited(key, { remainingRequests: 0, remainingTokens: 500, resetMs: 7 * second });
    expect(circuit.state()).toBe(7 * second);
    circuit.pass(7 * second);
    expect(circuit.state()).toBe('try');
  });

  it.each([
    { remainingRequests: 1, resetMs: 7000 },
    { remainingTokens: 1, resetMs: 7000 },
    { remainingRequests: 0 },
    {},
  ])('leave a key alone that says %o', (limit) => {
    const circuit = watched();
    circuit.limited(key, limit);
    expect(circuit.state()).toBe('try');
  });
});

describe('the time to the first token', () => {
  it('is a moving average that grows old', () => {
    const circuit = watched();
    expect(circuit.firstTokenMs(key)).toBeNull();
    circuit.answered(key, 100, false);
    circuit.answered(key, 200, false);
    expect(circuit.firstTokenMs(key)).toBe(120);
    circuit.pass(31 * minute);
    expect(circuit.firstTokenMs(key)).toBeNull();
  });
});

describe('sharing', () => {
  function shared(grant = true) {
    const told: (CircuitRecord & { news: string })[] = [];
    let learn: Parameters<HealthShare['subscribe']>[0] = () => {};
    const ours = new Set<string>();
    const circuit = watched({
      publish: (record, news) => void told.push({ ...record, news }),
      claimProbe: async () => grant,
      subscribe: (listener) => {
        learn = listener;
      },
    });
    return {
      circuit,
      told,
      ours,
      learn: (...records: Partial<CircuitRecord>[]) =>
        learn(
          records.map((record) => ({ ...told[0]!, ...record })),
          (id) => ours.has(id),
        ),
    };
  }

  it('tells of openings and closings, and of times every ten seconds', async () => {
    const { circuit, told } = shared();
    for (let i = 0; i < 20; i++) {
      circuit.succeed();
      circuit.pass(second);
    }
    expect(told).toHaveLength(2);
    expect(told[0]).toMatchObject({
      news: 'firstToken',
      id: key.id,
      teamId: 'team',
      openForMs: null,
      failures: 0,
      firstTokenMs: 100,
    });
    circuit.fail('rate', 30 * second);
    expect(told[2]).toMatchObject({
      openForMs: 30 * second,
      failures: 1,
      errorKind: 'rate',
      error: 'It is rate',
    });
    circuit.pass(30 * second);
    await circuit.claimProbe(key, minute);
    circuit.succeed(true);
    expect(told.slice(3)).toMatchObject([
      { openForMs: null, failures: 1 },
      { openForMs: null, failures: 0 },
    ]);
  });

  it('learns from others what they opened, try and close', () => {
    const { circuit, told, learn } = shared();
    circuit.fail('rate', 30 * second);
    learn({ openForMs: 40 * second, errorKind: 'auth', error: 'Revoked' });
    expect(circuit.look(key)).toMatchObject({
      error: { kind: 'auth', message: expect.stringMatching(/^Revoked/) },
    });
    learn({ openForMs: -1, probeForMs: minute });
    expect(circuit.state()).toBe(250);
    learn({ openForMs: null, failures: 0 });
    expect(circuit.state()).toBe('try');
    expect(told).toHaveLength(1);
  });

  it('takes a circuit for closed that nobody knows of, unless its own word is still on its way', () => {
    const { circuit, ours, learn } = shared();
    circuit.fail('auth');
    ours.add(key.id);
    learn();
    learn({ openForMs: null });
    expect(circuit.state()).toBe(5 * minute);
    ours.clear();
    learn();
    expect(circuit.state()).toBe('try');
  });

  it('counts its own failures on, whatever the others say of a closed one', () => {
    const { circuit, told, learn } = shared();
    circuit.succeed();
    circuit.fail('server');
    circuit.fail('server');
    learn({ ...told[0] });
    learn();
    circuit.fail('server');
    expect(circuit.state()).toBe(5 * second);
  });

  it('leaves the probe to whoever was granted it', async () => {
    const { circuit } = shared(false);
    circuit.fail('rate', second);
    circuit.pass(second);
    expect(await circuit.claimProbe(key, minute)).toBe(false);
    expect(circuit.state()).toBe(250);
    circuit.pass(250);
    expect(circuit.state()).toBe('probe');
  });
});
