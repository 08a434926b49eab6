/** Tool calls as each wire's servers send them, right and wrong, over a socket. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { callOf, endpointFor, listen, messageOf, stream, tools, type Wire, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

/** The calls that come of a stream of these events. */
async function callsOf(wire: Wire, ...events: (object | '[DONE]')[]) {
  server.script([stream(...events)]);
  const heard = await listen(callOf('go', { tools }), endpointFor(server, wire));
  return messageOf(heard).content.flatMap((part) =>
    part.type === 'toolCall'
      ? {
          name: part.name,
          arguments: part.arguments,
          ...(part.invalid === undefined ? {} : { invalid: part.invalid }),
        }
      : [],
  );
}

interface Piece {
  at: number;
  json: string;
}
interface Call {
  name: string;
  json: string;
}

/** How a wire begins a call, goes on with it and ends it, and how the answer ends. */
interface Dialect {
  start(at: number, call: Call): object[];
  piece(piece: Piece): object[];
  end(at: number, call: Call): object[];
  finish(calls: readonly Call[], reason: 'whole' | 'cut'): (object | '[DONE]')[];
}
const chunk = (call: object) => ({ choices: [{ delta: { tool_calls: [call] } }] });
const item = (at: number, { name, json }: Call, args = json) => ({
  type: 'function_call',
  id: `fc_${at}`,
  call_id: `call_${at}`,
  name,
  arguments: args,
});

const dialects: Record<Wire, Dialect> = {
  'openai-chat': {
    start: (index, { name }) => [chunk({ index, id: `call_${index}`, function: { name, arguments: '' } })],
    piece: ({ at, json }) => [chunk({ index: at, function: { arguments: json } })],
    end: () => [],
    finish: (_calls, reason) => [
      { choices: [{ delta: {}, finish_reason: reason === 'cut' ? 'length' : 'tool_calls' }] },
      '[DONE]',
    ],
  },
  'openai-responses': {
    start: (output_index, call) => [
      { type: 'response.output_item.added', output_index, item: item(output_index, call, '') },
    ],
    piece: ({ at, json }) => [
      { type: 'response.function_call_arguments.delta', output_index: at, item_id: `fc_${at}`, delta: json },
    ],
    end: (output_index, call) => [
      { type: 'response.function_call_arguments.done', output_index, arguments: call.json },
      { type: 'response.output_item.done', output_index, item: item(output_index, call) },
    ],
    finish: (_calls, reason) => [
      reason === 'cut'
        ? { type: 'response.incomplete', response: { incomplete_details: { reason: 'max_output_tokens' } } }
        : { type: 'response.completed', response: { status: 'completed' } },
    ],
  },
  'anthropic-messages': {
    start: (index, { name }) => [
      {
        type: 'content_block_start',
        index,
        content_block: { type: 'tool_use', id: `t_${index}`, name, input: {} },
      },
    ],
    piece: ({ at, json }) => [
      { type: 'content_block_delta', index: at, delta: { type: 'input_json_delta', partial_json: json } },
    ],
    end: (index) => [{ type: 'content_block_stop', index }],
    finish: (_calls, reason) => [
      { type: 'message_delta', delta: { stop_reason: reason === 'cut' ? 'max_tokens' : 'tool_use' } },
      { type: 'message_stop' },
    ],
  },
};

describe.each(wires)('%s: several calls at once', (wire) => {
  const dialect = dialects[wire];

  it('are the same however their pieces are interleaved', async () => {
    const plan = fc.array(
      fc.record({
        name: fc.constantFrom('time_now', 'notes_write'),
        json: fc
          .dictionary(fc.string({ maxLength: 4 }), fc.string({ maxLength: 4 }))
          .map((value) => JSON.stringify(value)),
        half: fc.nat({ max: 9 }),
      }),
      { minLength: 2, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(plan, fc.array(fc.nat({ max: 3 }), { maxLength: 20 }), async (calls, order) => {
        const lists = calls.map((call, at) => [
          ...dialect.start(at, call),
          ...dialect.piece({ at, json: call.json.slice(0, call.half) }),
          ...dialect.piece({ at, json: call.json.slice(call.half) }),
          ...dialect.end(at, call),
        ]);
        const events: object[] = [];
        for (let step = 0; lists.some(({ length }) => length > 0); step++) {
          const open = lists.filter(({ length }) => length > 0);
          events.push(open[(order[step] ?? step) % open.length]!.shift()!);
        }
        const heard = await callsOf(wire, ...events, ...dialect.finish(calls, 'whole'));
        const expected = calls.map(({ name, json }) => ({
          name: name.replace('_', '.'),
          arguments: JSON.parse(json),
        }));
        const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
        expect(heard.toSorted(byText)).toEqual(expected.toSorted(byText));
      }),
      { numRuns: 40 },
    );
  });

  it('run as they were meant or not at all, whatever of the stream is lost, doubled or swapped', async () => {
    const calls = ['{"name":"one"}', '{"name":"two"}'].map((json) => ({ name: 'notes_write', json }));
    const events = [
      ...calls.flatMap((call, at) => dialect.start(at, call)),
      ...[0, 7].flatMap((from) =>
        calls.flatMap(({ json }, at) => dialect.piece({ at, json: from ? json.slice(7) : json.slice(0, 7) })),
      ),
      ...calls.flatMap((call, at) => dialect.end(at, call)),
      ...dialect.finish(calls, 'whole'),
    ];
    const mutation = fc.record({
      kind: fc.constantFrom('drop', 'double', 'swap'),
      at: fc.nat({ max: events.length - 1 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 2 }), async (mutations) => {
        const sent = [...events];
        for (const { kind, at } of mutations) {
          if (kind === 'drop') sent.splice(at, 1);
          else if (kind === 'double') sent.splice(at, 0, ...sent.slice(at, at + 1));
          else sent.splice(at, 2, ...sent.slice(at, at + 2).reverse());
        }
        server.script([stream(...sent)]);
        const { end } = await listen(callOf('go', { tools }), endpointFor(server, wire));
        if (end.type === 'error') return;
        const ran = end.message.content.filter(
          (part) => part.type === 'toolCall' && part.invalid === undefined,
        );
        const isOfNone = (part: object) => 'name' in part && part.name === '';
        for (const part of ran) {
          // Both pieces of a call may be lost, and nothing of the wire tells.
          const areBothLost =
            wire !== 'openai-responses' && mutations.filter(({ kind }) => kind === 'drop').length === 2;
          if (isOfNone(part)) continue;
          const meant = [{ name: 'one' }, { name: 'two' }, ...(areBothLost ? [{}] : [])];
          expect(meant).toContainEqual((part as { arguments: object }).arguments);
        }
      }),
      { numRuns: 80 },
    );
  });

  it('are run only where they are whole, when the answer was cut', async () => {
    const calls = ['{"name":"a"}', '', '{"name":'].map((json) => ({ name: 'notes_write', json }));
    // None of them is ended by the wire.
    const events = calls.flatMap((call, at) => [
      ...dialect.start(at, call),
      ...(call.json ? dialect.piece({ at, json: call.json }) : []),
    ]);
    expect(await callsOf(wire, ...events, ...dialect.finish(calls, 'cut'))).toEqual([
      { name: 'notes.write', arguments: { name: 'a' } },
    ]);
  });

  it('are not run when arguments came that belong to no call', async () => {
    const call = { name: 'notes_write', json: '' };
    const events = [
      ...dialect.start(0, call),
      ...dialect.piece({ at: 5, json: '{"name":"a"}' }),
      ...dialect.end(0, call),
      ...dialect.finish([call], 'whole'),
    ];
    expect((await callsOf(wire, ...events))[0]).toEqual({ name: 'notes.write', arguments: {}, invalid: '' });
  });
});

describe('openai-responses: its own', () => {
  const { start, piece, finish } = dialects['openai-responses'];
  const call = { name: 'notes_write', json: '{"name":"a"}' };
  const whole = [{ name: 'notes.write', arguments: { name: 'a' } }];

  it('takes the whole arguments for the truth', async () => {
    const done = { type: 'response.function_call_arguments.done', output_index: 0, arguments: call.json };
    const ended = { type: 'response.output_item.done', output_index: 0, item: item(0, call) };
    const wrong = [...start(0, call), ...piece({ at: 0, json: '{"na' })];
    expect(await callsOf('openai-responses', ...wrong, done, ended, ...finish([], 'whole'))).toEqual(whole);
    expect(await callsOf('openai-responses', ...wrong, ended, ...finish([], 'whole'))).toEqual(whole);
    // Left out at the end, it is what came in pieces.
    const empty = { ...done, arguments: '' };
    const right = [...start(0, call), ...piece({ at: 0, json: call.json })];
    expect(await callsOf('openai-responses', ...right, empty, ...finish([], 'whole'))).toEqual(whole);
  });

  it('takes calls from the end of the response that the stream has left open, or out, once', async () => {
    const end = { type: 'response.completed', response: { status: 'completed', output: [item(0, call)] } };
    expect(
      await callsOf('openai-responses', ...start(0, call), ...piece({ at: 0, json: '{"na' }), end),
    ).toEqual(whole);
    expect(await callsOf('openai-responses', end)).toEqual(whole);
    const ended = { type: 'response.output_item.done', output_index: 3, item: item(0, call) };
    expect(await callsOf('openai-responses', ended, end)).toEqual(whole);
    const other = { ...end, response: { ...end.response, output: [{ ...item(0, call), id: 'fc_other' }] } };
    expect(await callsOf('openai-responses', ended, other)).toEqual(whole);
  });

  it('finds a call whatever it is named by', async () => {
    for (const strip of [
      ({ output_index, ...event }: Record<string, unknown>) => event,
      ({ item_id, ...event }: Record<string, unknown>) => event,
      (event: Record<string, unknown>) => ({ ...event, output_index: 0 }),
    ]) {
      const events = [0, 1].flatMap((at) => [
        ...start(at, call),
        ...piece({ at, json: call.json }),
        ...dialects['openai-responses'].end(at, call),
      ]) as Record<string, unknown>[];
      expect(await callsOf('openai-responses', ...events.map(strip), ...finish([], 'whole'))).toEqual([
        ...whole,
        ...whole,
      ]);
    }
  });

  it('does not run a call whose item is incomplete', async () => {
    const cut = {
      type: 'response.output_item.done',
      output_index: 0,
      item: { ...item(0, call, ''), status: 'incomplete' },
    };
    expect(await callsOf('openai-responses', ...start(0, call), cut, ...finish([], 'cut'))).toEqual([]);
    expect(await callsOf('openai-responses', ...start(0, call), ...finish([], 'whole'))).toEqual([
      { name: 'notes.write', arguments: {}, invalid: '' },
    ]);
  });
});

describe('anthropic-messages: its own', () => {
  const { piece, end, finish } = dialects['anthropic-messages'];
  const startWith = (input: unknown, index = 0) => ({
    type: 'content_block_start',
    index,
    content_block: { type: 'tool_use', id: `t_${index}`, name: 'notes_write', input },
  });
  const call = { name: 'notes_write', json: '' };
  const whole = [{ name: 'notes.write', arguments: { name: 'a' } }];
  const of = (...events: object[]) => callsOf('anthropic-messages', ...events, ...finish([], 'whole'));

  it('takes the input from the start of a block only when nothing else comes', async () => {
    expect(await of(startWith({ name: 'a' }), ...end(0, call))).toEqual(whole);
    expect(await of(startWith('{"name":"a"}'), ...end(0, call))).toEqual(whole);
    expect(await of(startWith({ name: 'a' }))).toEqual(whole);
    expect(
      await of(startWith({ name: 'b' }), ...piece({ at: 0, json: '{"name":"a"}' }), ...end(0, call)),
    ).toEqual(whole);
    expect(await of(startWith({}), ...end(0, call))).toEqual([{ name: 'notes.write', arguments: {} }]);
  });

  it('takes input for a block that has ended', async () => {
    expect(await of(startWith({}), ...end(0, call), ...piece({ at: 0, json: '{"name":"a"}' }))).toEqual(
      whole,
    );
    const half = [startWith({}), ...piece({ at: 0, json: '{"name":' }), ...end(0, call)];
    expect(await of(...half, ...piece({ at: 0, json: '"a"}' }))).toEqual(whole);
    expect(await of(...half)).toEqual([{ name: 'notes.write', arguments: {}, invalid: '{"name":' }]);
  });

  it('does not run a call whose block has no end and no input', async () => {
    expect(await of(startWith({}))).toEqual([{ name: 'notes.write', arguments: {}, invalid: '' }]);
  });

  it('does not take the input of a server tool for one of its own', async () => {
    const search = {
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'server_tool_use', id: 's_1', name: 'web_search', input: {} },
    };
    expect(
      await of(search, ...piece({ at: 0, json: '{"query":"x"}' }), startWith({}, 1), ...end(1, call)),
    ).toEqual([{ name: 'notes.write', arguments: {} }]);
  });
});

it('openai-chat: calls may come in `delta` and in `message`, and as `function_call`', async () => {
  const named = { index: 0, id: 'a', function: { name: 'time_now', arguments: '{}' } };
  const message = {
    role: 'assistant',
    content: 'Looking.',
    tool_calls: [{ id: 'a', function: named.function }],
  };
  const end = { choices: [{ message, finish_reason: 'tool_calls' }] };
  const once = [{ name: 'time.now', arguments: {} }];
  expect(await callsOf('openai-chat', chunk(named), end)).toEqual(once);
  expect(
    await callsOf('openai-chat', {
      choices: [{ ...chunk(named).choices[0], message, finish_reason: 'stop' }],
    }),
  ).toEqual(once);
  expect(await callsOf('openai-chat', end)).toEqual(once);
  const old = { choices: [{ delta: { function_call: named.function }, finish_reason: 'function_call' }] };
  expect(await callsOf('openai-chat', old)).toEqual(once);
  server.script([stream({ choices: [{ delta: { content: 'Look' } }] }, end)]);
  expect((await listen(callOf('go', { tools }), endpointFor(server, 'openai-chat'))).text).toBe('Looking.');
});
