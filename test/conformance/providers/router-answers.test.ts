/** Answers that are none: what the router makes of them, and what a reader sees meanwhile. */
import {
  createRouter,
  type Endpoint,
  type RouterEvent,
  type RouterRequest,
  type Target,
} from '@nightshift/providers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { endpointFor, stream, tools, user, type Wire, wires } from './support.ts';

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

const target = (endpoint: Endpoint, model: string): Target => ({
  provider: endpoint.provider,
  model,
  candidates: [{ credentialId: `key of ${model}`, endpoint }],
});

/** Nobody waits. */
async function run(wire: Wire, more: Partial<RouterRequest> = {}) {
  const skipped = { ms: 0 };
  const router = createRouter({
    now: () => Date.now() + skipped.ms,
    sleep: async (ms) => {
      skipped.ms += ms;
    },
  });
  const targets = [target(endpointFor(first, wire), 'm1'), target(endpointFor(second, 'openai-chat'), 'm2')];
  const request = { call: { messages: [user('hi')], tools }, targets, ...more };
  const events: RouterEvent[] = [];
  for await (const event of router.stream(request, new AbortController().signal)) events.push(event);
  const end = events.at(-1)!;
  if (end.type !== 'done' && end.type !== 'error') throw new Error('a call ends with done or error');
  const join = (type: 'text' | 'thinking') =>
    events.map((event) => (event.type === type ? event.delta : '')).join('');
  return {
    end,
    types: events.map(({ type }) => type),
    text: join('text'),
    thinking: join('thinking'),
    attempts: events.flatMap((event) =>
      event.type === 'attempt' ? `${event.attempt.model} ${event.attempt.outcome}` : [],
    ),
  };
}

const filtered = {
  'openai-chat': 'content_filter',
  'openai-responses': 'content_filter',
  'anthropic-messages': 'refusal',
};

describe.each(wires)('%s', (wire) => {
  const thinking = { thinking: 'Hm.', signature: 'sig1' };
  const call = { toolCalls: [{ id: 'call_A', name: 'time.now' }] };

  it.each<[string, Step, string]>([
    ['an empty answer', {}, 'empty'],
    ['white space', { text: ' \n ' }, 'empty'],
    ['characters that nobody sees', { text: '\u200b\u2060\ufeff' }, 'empty'],
    ['thinking without an end', { thinking: 'x'.repeat(5 * 1024 * 1024), text: 'x' }, 'server'],
    ['thinking alone', thinking, 'empty'],
    ['thinking alone in tags', { text: '<think>Hm.' }, 'empty'],
    [
      'nothing but a cut tool call',
      {
        ...call,
        toolCalls: [{ name: 'time.now', arguments: '' }],
        finish:
          wire === 'openai-chat'
            ? 'length'
            : wire === 'openai-responses'
              ? 'max_output_tokens'
              : 'max_tokens',
      },
      'empty',
    ],
    ['a filtered answer', { finish: filtered[wire] }, 'content'],
    ['a filtered tool call', { ...call, finish: filtered[wire] }, 'content'],
    ['a call that breaks off', { ...thinking, ...call, fault: 'no-finish' }, 'truncated'],
    [
      'thinking that breaks off',
      { ...thinking, text: 'x', fault: 'error', errorType: 'overloaded_error' },
      'overload',
    ],
  ])(
    '%s is a failure of the attempt: it is tried again, then the next target',
    async (_name, step, outcome) => {
      first.script([step, { text: 'Yes.' }]);
      const once = await run(wire);
      expect(once.attempts).toEqual([`m1 ${outcome}`, 'm1 ok']);
      expect(once).toMatchObject({ text: 'Yes.', end: { type: 'done' } });
      first.script(() => step);
      second.script([{ text: 'From the other.' }]);
      const other = await run(wire);
      expect(other.attempts).toEqual([`m1 ${outcome}`, `m1 ${outcome}`, 'm2 ok']);
      expect(other.text).toBe('From the other.');
      expect(other.types.filter((type) => type === 'start')).toHaveLength(1);
    },
  );

  it('ends with what the last attempt was, when all say nothing', async () => {
    first.script(() => thinking);
    second.script(() => ({}));
    const { end, attempts } = await run(wire, { maxAttempts: 3 });
    expect(attempts).toEqual(['m1 empty', 'm1 empty', 'm2 empty']);
    expect(end).toMatchObject({
      type: 'error',
      error: { kind: 'empty', message: expect.stringContaining('answered nothing') },
    });
  });

  it('shows thinking as it comes, and that of both attempts before the one answer', async () => {
    first.script([thinking, { thinking: 'Again.', signature: 'sig2', text: 'Yes.' }]);
    const { thinking: shown, text, end, types } = await run(wire);
    expect([shown, text]).toEqual(['Hm.\n\nAgain.', 'Yes.']);
    expect(types.indexOf('thinking')).toBeLessThan(types.indexOf('attempt'));
    expect(end).toMatchObject({
      message: { content: [{ type: 'thinking', text: 'Again.' }, { type: 'text' }] },
    });
  });

  it('does not take back text that was shown', async () => {
    first.script([{ text: 'Half', finish: filtered[wire] }]);
    const { end, attempts, text } = await run(wire);
    expect([attempts, text]).toEqual([['m1 content'], 'Half']);
    expect(end).toMatchObject({
      error: { kind: 'content' },
      partial: { content: [{ type: 'text', text: 'Half' }] },
    });
  });

  it('passes tool calls on when the answer is whole', async () => {
    first.script([{ ...thinking, ...call }]);
    const { types, end } = await run(wire);
    expect(types.filter((type) => type.startsWith('tool'))).toEqual([
      'toolStart',
      'toolDelta',
      'toolDelta',
      'toolEnd',
    ]);
    expect(end).toMatchObject({ type: 'done', stop: 'toolCalls' });
  });
});

describe('a tool call that the vendor could not read', () => {
  const failed = {
    message:
      "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
    type: 'invalid_request_error',
    code: 'tool_use_failed',
    failed_generation: '<function=time_now{}</function>',
  };

  it.each<[string, Step]>([
    ['as 400', { status: 400, body: JSON.stringify({ error: failed }) }],
    [
      'in the stream',
      stream({ choices: [{ delta: { role: 'assistant' } }] }, { error: { ...failed, status_code: 400 } }),
    ],
  ])('is shown to the model, which tries again: %s', async (_name, step) => {
    first.script([step, { text: 'Yes.' }]);
    const { attempts, text } = await run('openai-chat');
    expect([attempts, text]).toEqual([['m1 malformed', 'm1 ok'], 'Yes.']);
    const [before, after] = first.requests.map(({ body }) => body.messages);
    expect(after).toEqual([
      ...before,
      { role: 'assistant', content: failed.failed_generation },
      { role: 'user', content: expect.stringContaining('Failed to call a function') },
    ]);
    expect(first.requests.map(({ refused }) => refused)).toEqual([null, null]);
  });

  it('is shown once, however often it fails, and goes to the next target too', async () => {
    let count = 0;
    first.script(() => ({
      status: 400,
      body: JSON.stringify({ error: { ...failed, failed_generation: `try ${++count}` } }),
    }));
    const { attempts } = await run('openai-chat');
    expect(attempts).toEqual(['m1 malformed', 'm1 malformed', 'm2 ok']);
    expect(second.requests[0]!.body.messages.slice(1)).toMatchObject([
      { content: 'try 2' },
      { role: 'user' },
    ]);
  });

  it('needs no text', async () => {
    const { failed_generation, ...rest } = failed;
    for (const error of [rest, { ...rest, failed_generation: '' }, { ...rest, failed_generation: 7 }]) {
      first.script([{ status: 400, body: JSON.stringify({ error }) }, { text: 'Yes.' }]);
      expect((await run('openai-chat')).attempts).toEqual(['m1 malformed', 'm1 ok']);
    }
    expect(first.requests.map(({ refused }) => refused)).not.toContain(expect.any(String));
  });
});

it('a blocked page is no bad key: the target is tried again, and the key is well', async () => {
  first.script([{ fault: 'html', status: 403, headers: { 'retry-after': '1' } }, { text: 'Yes.' }]);
  expect((await run('openai-chat')).attempts).toEqual(['m1 network', 'm1 ok']);
});
