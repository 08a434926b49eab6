/** The router against real sockets: what it tries, in which order, how long it waits, and what it says in the end. */

import {
  type AttemptRecord,
  createRouter,
  type Endpoint,
  ModelError,
  type PlannedAttempt,
  type RouterEvent,
  type RouterRequest,
  type Target,
} from '@nightshift/providers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { user } from './support.ts';

let first: ModelServer;
let second: ModelServer;
beforeAll(async () => {
  [first, second] = await Promise.all([startModelServer(), startModelServer()]);
});
afterEach(() => {
  first.reset();
  second.reset();
});
afterAll(() => Promise.all([first.close(), second.close()]));

const endpoint = (server: ModelServer, apiKey = 'key-one-1234', provider = 'acme'): Endpoint => ({
  provider,
  wire: 'openai-chat',
  baseUrl: server.openaiUrl,
  apiKey,
  compat: {},
});
/** Its keys are tried in this order. */
const target = (server: ModelServer, keys = ['key-one-1234'], model = 'm1', provider = 'acme'): Target => ({
  provider,
  model,
  candidates: keys.map((key, index) => ({
    credentialId: `id-${key}`,
    endpoint: endpoint(server, key, provider),
    weight: index === 0 ? 1 : 0,
  })),
});
/** Another vendor, on the other wire. */
const fallback = (): Target => ({
  provider: 'other',
  model: 'm2',
  candidates: [
    {
      credentialId: 'id-other',
      endpoint: { ...endpoint(second), provider: 'other', wire: 'anthropic-messages', baseUrl: second.url },
    },
  ],
});

interface Run {
  events: RouterEvent[];
  attempts: string[];
  records: AttemptRecord[];
  text: string;
  end: Extract<RouterEvent, { type: 'done' | 'error' }>;
  slept: number[];
}

/** Time does not pass while it sleeps, but the clock goes on by what it slept. */
async function run(
  targets: Target[],
  more: Partial<RouterRequest> & {
    signal?: AbortSignal;
    router?: ReturnType<typeof createRouter>;
    skipped?: { ms: number };
  } = {},
): Promise<Run> {
  const { signal = new AbortController().signal, router, skipped = { ms: 0 }, ...request } = more;
  const slept: number[] = [];
  const used =
    router ??
    createRouter({
      now: () => Date.now() + skipped.ms,
      random: () => 0.5,
      sleep: async (ms) => {
        slept.push(ms);
        skipped.ms += ms;
      },
    });
  const events: RouterEvent[] = [];
  for await (const event of used.stream({ call: { messages: [user('hi')] }, targets, ...request }, signal))
    events.push(event);
  const ends = events.filter((event) => event.type === 'done' || event.type === 'error');
  if (ends.length !== 1 || events.at(-1) !== ends[0])
    throw new Error('a call ends with exactly one done or error');
  const attempts = events.filter((event) => event.type === 'attempt').map((event) => event.attempt);
  expect(attempts.map((attempt) => attempt.index)).toEqual(attempts.map((_, index) => index));
  return {
    events,
    records: attempts,
    attempts: attempts.map((attempt) => `${attempt.provider} ${attempt.credentialId} ${attempt.outcome}`),
    text: events.map((event) => (event.type === 'text' ? event.delta : '')).join(''),
    end: ends[0] as Run['end'],
    slept,
  };
}
const errorOf = (outcome: Run) => {
  if (outcome.end.type !== 'error') throw new Error('expected a failure');
  return outcome.end.error;
};

/** Up to so many milliseconds each: the clock goes on while a failure is looked at. */
function expectSlept({ slept }: Run, most: number[]) {
  expect(slept).toHaveLength(most.length);
  for (const [index, ms] of slept.entries()) {
    expect(ms).toBeLessThanOrEqual(most[index]!);
    expect(ms).toBeGreaterThan(most[index]! / 3);
  }
}

describe('router', () => {
  it('passes an answer on as it comes, with one attempt before done', async () => {
    first.script([{ text: ['a', 'b'], usage: { input: 1000, output: 100 } }]);
    const outcome = await run([target(first, ['key-one-1234'], 'gpt-4o', 'openai')]);
    expect(outcome.events.map((event) => event.type)).toEqual(['start', 'text', 'text', 'attempt', 'done']);
    const record = outcome.events.find((event) => event.type === 'attempt')!;
    expect(record).toMatchObject({
      attempt: {
        index: 0,
        provider: 'openai',
        model: 'gpt-4o',
        wire: 'openai-chat',
        credentialId: 'id-key-one-1234',
        outcome: 'ok',
        error: null,
        status: null,
        usage: { input: 1000, output: 100 },
        costUsd: '0.0035',
        startedAt: expect.any(Date),
        firstTokenMs: expect.any(Number),
        durationMs: expect.any(Number),
      },
    });
  });

  it('has an unknown cost where the price is unknown', async () => {
    const outcome = await run([target(first)]);
    expect(outcome.events.find((event) => event.type === 'attempt')).toMatchObject({
      attempt: { costUsd: null },
    });
  });

  it('retries what may pass, after waiting longer each time, and shows one answer', async () => {
    first.script([
      { status: 503 },
      { text: 'x', truncate: { bytes: 10, how: 'cut' } },
      { status: 500 },
      { text: 'at last' },
    ]);
    const outcome = await run([target(first)]);
    expect(outcome.text).toBe('at last');
    expect(outcome.attempts).toEqual([
      'acme id-key-one-1234 overload',
      'acme id-key-one-1234 truncated',
      'acme id-key-one-1234 server',
      'acme id-key-one-1234 ok',
    ]);
    // The retry at once; a backoff; and from the third failure on the circuit's own time.
    expectSlept(outcome, [300, 750, 5000]);
    expect(outcome.events.filter((event) => event.type === 'start')).toHaveLength(1);
  });

  it('gives up after so many attempts, over all targets', async () => {
    first.script(() => ({ status: 500, message: 'boom' }));
    second.script(() => ({ status: 500, message: 'bang' }));
    const outcome = await run([target(first), fallback()]);
    expect(outcome.attempts).toHaveLength(4);
    expect(errorOf(outcome)).toMatchObject({
      kind: 'server',
      message: expect.stringMatching(/after 4 attempts.*bo|ba/),
    });
    expect((await run([target(first)], { maxAttempts: 1 })).attempts).toHaveLength(1);
  });

  it('falls back to the next target after one retry, over to another wire', async () => {
    first.script(() => ({ status: 503 }));
    second.script([{ text: 'from the other' }]);
    const outcome = await run([target(first), fallback()]);
    expect(outcome.text).toBe('from the other');
    expect(outcome.attempts).toEqual([
      'acme id-key-one-1234 overload',
      'acme id-key-one-1234 overload',
      'other id-other ok',
    ]);
    expectSlept(outcome, [300]);
  });

  it.each<[string, Step]>([
    ['a redirect', { status: 302, headers: { location: 'https://elsewhere.example/' } }],
    ['a web page that is not there', { status: 404, fault: 'html' }],
  ])('falls back at once from %s', async (_name, step) => {
    first.script(() => step);
    const outcome = await run([target(first), fallback()]);
    expect(outcome.text).toBe('hi');
    expect(outcome.attempts).toHaveLength(2);
  });

  it('comes back to the preferred target when both failed', async () => {
    first.script([{ status: 503 }, { status: 503 }, { text: 'again' }]);
    second.script([{ status: 503 }, { status: 503 }]);
    const outcome = await run([target(first), fallback()], { maxAttempts: 6 });
    expect(outcome.attempts.map((attempt) => attempt.split(' ')[0])).toEqual([
      'acme',
      'acme',
      'other',
      'other',
      'acme',
    ]);
    expect(outcome.text).toBe('again');
  });

  it('waits as long as the vendor asks', async () => {
    first.script([{ status: 429, headers: { 'retry-after': '17' } }, { text: 'ok' }]);
    const outcome = await run([target(first)]);
    expect(outcome.text).toBe('ok');
    expect(outcome.slept[0]).toBeGreaterThan(16_000);
    expect(outcome.slept[0]).toBeLessThanOrEqual(17_000);
  });

  it('fails at once when the vendor asks for more than the deadline leaves', async () => {
    first.script([{ status: 429, headers: { 'retry-after': '300' } }]);
    const outcome = await run([target(first)], { deadlineSeconds: 20 });
    expect(outcome.slept).toEqual([]);
    expect(outcome.attempts).toEqual(['acme id-key-one-1234 rate']);
    expect(errorOf(outcome)).toMatchObject({ kind: 'rate', status: 429, retryAfterMs: 300_000 });
    expect(errorOf(outcome).message).toMatch(/wait 300 s.*20 s of the deadline/);
  });

  it('goes to the next key at once when one is rate limited', async () => {
    first.script([{ status: 429, headers: { 'retry-after': '300' } }, { text: 'ok' }]);
    const outcome = await run([target(first, ['key-one-1234', 'key-two-1234'])]);
    expect(outcome.attempts).toEqual(['acme id-key-one-1234 rate', 'acme id-key-two-1234 ok']);
    expect(outcome.slept).toEqual([]);
  });

  it('leaves a refused key alone for five minutes, and tries a changed one at once', async () => {
    const skipped = { ms: 0 };
    const router = createRouter({ now: () => Date.now() + skipped.ms });
    const keys = ['key-dead-1234', 'key-good-1234'];
    first.script((request) =>
      request.headers.authorization?.includes('dead') ? { status: 401, message: 'Bad key' } : { text: 'ok' },
    );
    const one = await run([target(first, keys)], { router });
    expect(one.attempts).toEqual(['acme id-key-dead-1234 auth', 'acme id-key-good-1234 ok']);
    const two = await run([target(first, keys)], { router });
    expect(two.attempts).toEqual(['acme id-key-good-1234 ok']);
    // Nothing is left to try: the remembered cause is told, without a call.
    const alone = await run([target(first, ['key-dead-1234'])], { router });
    expect(alone.attempts).toEqual([]);
    expect(errorOf(alone)).toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/Bad key.*5 more minutes/),
    });
    const changed = await run([target(first, ['key-good-5678'])], { router });
    expect(changed.attempts).toEqual(['acme id-key-good-5678 ok']);
    skipped.ms = 5 * 60_000 + 1;
    const later = await run([target(first, keys)], { router });
    expect(later.attempts[0]).toBe('acme id-key-dead-1234 auth');
  });

  it.each<[string, Step, string]>([
    ['402', { status: 402 }, 'billing'],
    ['insufficient_quota', { status: 429, code: 'insufficient_quota' }, 'quota'],
  ])('moves on after %s and does not wait', async (_name, step, kind) => {
    first.script([step, { text: 'ok' }]);
    const outcome = await run([target(first, ['key-one-1234', 'key-two-1234'])]);
    expect(outcome.attempts).toEqual([`acme id-key-one-1234 ${kind}`, 'acme id-key-two-1234 ok']);
    expect(outcome.slept).toEqual([]);
  });

  it('names every cause when no key works', async () => {
    first.script([
      { status: 401, message: 'Key is revoked' },
      { status: 402, message: 'Pay your bill' },
    ]);
    second.script([{ status: 403, message: 'Not in your country' }]);
    const outcome = await run([target(first, ['key-one-1234', 'key-two-1234']), fallback()]);
    const { message } = errorOf(outcome);
    expect(message).toMatch(/^No key works/);
    for (const part of [
      'acme/m1 with key id-key-one-1234',
      'Key is revoked',
      'Pay your bill',
      'other/m2',
      'Not in your country',
    ]) {
      expect(message).toContain(part);
    }
    expect(outcome.attempts).toHaveLength(3);
  });

  it.each<[string, Step, string]>([
    ['request', { status: 400, message: 'bad' }, 'request'],
    ['context', { status: 400, code: 'context_length_exceeded' }, 'context'],
    ['content', { status: 400, code: 'content_filter' }, 'content'],
  ])('gives a %s error back without trying again', async (_name, step, kind) => {
    first.script(() => step);
    const outcome = await run([target(first, ['key-one-1234', 'key-two-1234']), fallback()]);
    expect(outcome.attempts).toEqual([`acme id-key-one-1234 ${kind}`]);
    expect(errorOf(outcome).kind).toBe(kind);
    expect(second.requests).toHaveLength(0);
  });

  it('leaves a target that does not have the model, with all its keys', async () => {
    first.script(() => ({ status: 404 }));
    second.script([{ text: 'here' }]);
    const outcome = await run([target(first, ['key-one-1234', 'key-two-1234']), fallback()]);
    expect(outcome.attempts).toEqual(['acme id-key-one-1234 model', 'other id-other ok']);
  });

  it('never starts over once it has shown something', async () => {
    first.script([{ text: ['Half', ' of it'], fault: 'cut' }]);
    second.script([{ text: 'never' }]);
    const outcome = await run([target(first), fallback()]);
    expect(outcome.text).toContain('Half');
    expect(outcome.attempts).toEqual(['acme id-key-one-1234 truncated']);
    expect(outcome.end).toMatchObject({
      type: 'error',
      partial: { content: [{ type: 'text', text: expect.stringContaining('Half') }] },
    });
    expect(second.requests).toHaveLength(0);
  });

  it('says when there is nothing to try', async () => {
    expect(errorOf(await run([])).message).toContain('No model');
    expect(errorOf(await run([{ provider: 'acme', model: 'm1', candidates: [] }])).message).toBe(
      'No key is connected for acme/m1.',
    );
  });
});

describe('router: clocks and stops', () => {
  it('goes on to the next target when the first token does not come, and closes the socket', async () => {
    first.script([{ fault: 'hang' }]);
    second.script([{ text: 'quick' }]);
    // No time for a retry before the next one.
    const outcome = await run([target(first), fallback()], { firstTokenSeconds: 0.2, deadlineSeconds: 0.5 });
    expect(outcome.text).toBe('quick');
    expect(outcome.attempts).toEqual(['acme id-key-one-1234 timeout', 'other id-other ok']);
    expect(outcome.events[0]).toMatchObject({
      attempt: { error: 'No first token within 0.2 s.', firstTokenMs: null },
    });
    await first.requests[0]!.finished;
    expect(first.requests[0]!.closedEarly).toBe(true);
  });

  it('takes headers without content for no first token', async () => {
    first.script([{ text: 'x', firstTokenMs: 5000 }]);
    const outcome = await run([target(first)], { firstTokenSeconds: 0.2, maxAttempts: 1 });
    expect(errorOf(outcome)).toMatchObject({ kind: 'timeout', message: 'No first token within 0.2 s.' });
  });

  it('ends an answer that goes silent, with what had come', async () => {
    first.script([{ text: ['Half', ' of it'], fault: 'hang-after' }]);
    const outcome = await run([target(first), fallback()], { idleSeconds: 0.2 });
    expect(errorOf(outcome)).toMatchObject({
      kind: 'timeout',
      message: 'The model stopped sending for 0.2 s.',
    });
    expect(outcome.end).toMatchObject({ partial: { content: [{ text: 'Half' }] } });
    expect(second.requests).toHaveLength(0);
  });

  it('lets an answer take longer than the idle limit, as long as it goes on', async () => {
    first.script([{ text: Array.from({ length: 8 }, (_, i) => `${i}`), chunkMs: 100 }]);
    const outcome = await run([target(first)], { idleSeconds: 0.5, firstTokenSeconds: 0.5 });
    expect(outcome.text).toBe('01234567');
  });

  it('does not blame the model for a reader that is slow', async () => {
    first.script([{ text: ['a', 'b', 'c'], chunkMs: 50 }]);
    const router = createRouter();
    let text = '';
    const stream = router.stream(
      { call: { messages: [user('hi')] }, targets: [target(first)], idleSeconds: 0.1 },
      new AbortController().signal,
    );
    for await (const event of stream) {
      if (event.type === 'text') {
        text += event.delta;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      expect(event.type).not.toBe('error');
    }
    expect(text).toBe('abc');
  });

  it('keeps all attempts and waits within the deadline', async () => {
    first.script(() => ({ fault: 'hang' }));
    const outcome = await run([target(first)], { deadlineSeconds: 0.4, firstTokenSeconds: 60 });
    expect(errorOf(outcome)).toMatchObject({
      kind: 'timeout',
      message: 'No answer began within the deadline of 0.4 s.',
    });
    expect(outcome.attempts).toHaveLength(1);
  });

  it('does not cut an answer that goes on beyond the deadline', async () => {
    first.script([{ text: Array.from({ length: 8 }, (_, i) => `${i}`), chunkMs: 100 }]);
    const outcome = await run([target(first)], { deadlineSeconds: 0.4 });
    expect(outcome.text).toBe('01234567');
    expect(outcome.records[0]!.durationMs).toBeGreaterThan(400);
  });

  it('does not hold against a vendor that others had used up the time', async () => {
    first.script(() => ({ fault: 'hang' }));
    const router = createRouter();
    for (let i = 0; i < 3; i++) await run([target(first)], { router, deadlineSeconds: 0.1 });
    first.script();
    expect((await run([target(first)], { router })).attempts).toEqual(['acme id-key-one-1234 ok']);
  });

  it('stops at once when it is aborted, in an attempt and in a wait', async () => {
    first.script([{ fault: 'hang' }]);
    const controller = new AbortController();
    const running = run([target(first), fallback()], { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    const outcome = await running;
    expect(errorOf(outcome).kind).toBe('aborted');
    expect(outcome.attempts).toEqual(['acme id-key-one-1234 aborted']);
    expect(second.requests).toHaveLength(0);

    first.script(() => ({ status: 429, headers: { 'retry-after': '30' } }));
    const waiting = new AbortController();
    setTimeout(() => waiting.abort(), 100);
    const stopped = await run([target(first)], { signal: waiting.signal, router: createRouter() });
    expect(errorOf(stopped).kind).toBe('aborted');
    expect(stopped.attempts).toEqual(['acme id-key-one-1234 rate']);
  });

  it('calls nobody when it is aborted before', async () => {
    const outcome = await run([target(first)], { signal: AbortSignal.abort() });
    expect(errorOf(outcome).kind).toBe('aborted');
    expect(first.requests).toHaveLength(0);
  });

  it('stops the call when its reader leaves', async () => {
    first.script([{ text: ['one', 'two'], fault: 'hang-after' }]);
    for await (const event of createRouter().stream(
      { call: { messages: [user('hi')] }, targets: [target(first)] },
      new AbortController().signal,
    )) {
      if (event.type === 'text') break;
    }
    await first.requests[0]!.finished;
    expect(first.requests[0]!.closedEarly).toBe(true);
  });

  it('keeps no listener on a signal that lives on', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = controller.signal;
    controller.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(controller.signal, args);
    };
    controller.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(controller.signal, args);
    };
    const router = createRouter();
    for (let i = 0; i < 3; i++) await run([target(first)], { signal: controller.signal, router });
    expect(listeners).toBe(0);
  });
});

describe('router: what is asked, told and charged', () => {
  it('asks before each attempt, with an estimate on the high side', async () => {
    const planned: PlannedAttempt[] = [];
    first.script(() => ({ status: 401 }));
    const admit = async (attempt: PlannedAttempt) => {
      planned.push(attempt);
      return null;
    };
    const outcome = await run([target(first, ['key-one-1234'], 'gpt-4o', 'openai'), fallback()], {
      admit,
      call: { messages: [user('hello '.repeat(1000))], maxOutputTokens: 300 },
    });
    expect(outcome.attempts).toHaveLength(2);
    expect(planned).toMatchObject([
      { index: 0, provider: 'openai', model: 'gpt-4o', credentialId: 'id-key-one-1234', outputTokens: 300 },
      { index: 1, provider: 'other', model: 'm2', credentialId: 'id-other', costUsd: null },
    ]);
    const { inputTokens, costUsd } = planned[0]!;
    expect(inputTokens).toBeGreaterThan(1000);
    expect(inputTokens).toBeLessThan(4000);
    expect(Number(costUsd)).toBeCloseTo((inputTokens * 2.5 + 300 * 10) / 1e6, 8);
  });

  it('sends nothing when it is refused', async () => {
    const refusal = new ModelError('billing', 'The budget is used up.');
    const outcome = await run([target(first), fallback()], { admit: async () => refusal });
    expect(errorOf(outcome)).toBe(refusal);
    expect(outcome.attempts).toEqual([]);
    expect(first.requests).toEqual([]);
  });

  it.each<[string, Step, string]>([
    ['costs nothing that is refused', { status: 429, headers: { 'retry-after': '600' } }, '0'],
    ['costs nothing that redirects', { status: 307, headers: { location: '/' } }, '0'],
  ])('%s', async (_name, step, costUsd) => {
    first.script(() => step);
    const { records } = await run([target(first, ['key-one-1234'], 'gpt-4o', 'openai')], { maxAttempts: 1 });
    expect(records).toMatchObject([{ costUsd }]);
  });

  it('costs nothing that reached nobody', async () => {
    const gone = await startModelServer();
    await gone.close();
    const { records } = await run([target(gone)], { maxAttempts: 1 });
    expect(records).toMatchObject([{ outcome: 'network', costUsd: '0' }]);
  });

  it('charges an answer that broke off for what its vendor reported', async () => {
    second.script([{ text: ['a', 'b'], fault: 'hang-after', usage: { input: 1_000_000, output: 1 } }]);
    const anthropic = { ...fallback(), provider: 'anthropic', model: 'claude-sonnet-4-5' };
    const { records } = await run([anthropic], { idleSeconds: 0.1 });
    expect(records[0]!.outcome).toBe('timeout');
    expect(Number(records[0]!.costUsd)).toBeGreaterThan(1);
  });

  it('observes every attempt with the one before it', async () => {
    const seen: string[] = [];
    const router = createRouter({
      observe: (attempt, previous) => seen.push(`${previous?.provider ?? 'nobody'} → ${attempt.provider}`),
    });
    first.script(() => ({ status: 402 }));
    await run([target(first), fallback()], { router });
    expect(seen).toEqual(['nobody → acme', 'acme → other']);
  });

  it('says how long it waited before an attempt', async () => {
    first.script([{ status: 429, headers: { 'retry-after': '17' } }]);
    const { records } = await run([target(first)]);
    expect(records[1]!.waitedMs).toBeGreaterThan(16_000);
  });

  it('lets a key rest whose vendor says that nothing is left', async () => {
    const headers = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '20s' };
    first.script([{ text: 'the last one', headers }]);
    const router = createRouter();
    await run([target(first), fallback()], { router });
    expect((await run([target(first), fallback()], { router })).attempts).toEqual(['other id-other ok']);
  });
});

describe('router: who comes first', () => {
  const answering = async (more: Parameters<typeof run>[1], targets = [target(first), fallback()]) =>
    (await run(targets, more)).records.map(({ provider }) => provider);

  it('is who answered last, and who sees the images', async () => {
    expect(await answering({ lastTarget: 'other/m2' })).toEqual(['other']);
    const image = { type: 'image', mediaType: 'image/png', data: 'iVBORw0KGgo=' } as const;
    const blind = target(first);
    blind.candidates = [
      { ...blind.candidates[0]!, endpoint: { ...endpoint(first), compat: { textOnly: true } } },
    ];
    const call: RouterRequest['call'] = { messages: [{ role: 'user', content: [image] }] };
    expect(await answering({ call }, [blind, fallback()])).toEqual(['other']);
  });

  it('is the cheapest by the price list', async () => {
    const dear = target(first, ['key-one-1234'], 'gpt-4o', 'openai');
    const cheap = target(first, ['key-one-1234'], 'gpt-4o-mini', 'openai');
    await run([fallback(), dear, cheap], { pick: 'cheapest' });
    expect(first.requests[0]!.body.model).toBe('gpt-4o-mini');
  });

  it('is the fastest of late', async () => {
    const router = createRouter();
    first.script(() => ({ text: 'slow', firstTokenMs: 300 }));
    const fastest = () => answering({ router, pick: 'fastest' });
    expect([await fastest(), await fastest(), await fastest(), await fastest()].flat()).toEqual([
      'acme',
      'other',
      'other',
      'other',
    ]);
  });

  it("is a conversation's own, by weight, and its vendor is told what belongs together", async () => {
    const shares = [
      { ...target(first), weight: 1 },
      { ...fallback(), weight: 1 },
    ];
    const of = (stickTo: string) => answering({ pick: 'weight', stickTo }, shares);
    const all = await Promise.all(Array.from({ length: 16 }, (_, index) => of(`conversation ${index}`)));
    expect(new Set(all.flat())).toEqual(new Set(['acme', 'other']));
    for (const [index, answered] of all.entries())
      expect(await of(`conversation ${index}`)).toEqual(answered);
  });
});
