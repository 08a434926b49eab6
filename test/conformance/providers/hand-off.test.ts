/** One conversation, begun by one model and gone on with by another, over every pair of wires. */
import type { ModelMessage } from '@nightshift/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { callOf, endpointFor, listen, messageOf, tools, user, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

const pairs = wires.flatMap((from) => wires.map((to) => ({ from, to })));

describe.each(pairs)('$from → $to', ({ from, to }) => {
  it('goes on after thinking, parallel tool calls with odd ids, images and a broken history', async () => {
    server.script([
      {
        thinking: 'I should look.',
        signature: 'sig1',
        text: 'Looking.',
        toolCalls: [
          { id: 'functions.time.now:0', name: 'time.now', arguments: { timezone: 'UTC' } },
          { id: `call_${'x'.repeat(60)}`, name: 'notes.write', arguments: '{"name": broken' },
        ],
      },
    ]);
    const first = messageOf(await listen(callOf('go', { tools }), endpointFor(server, from)));
    const calls = first.content.filter((part) => part.type === 'toolCall');
    expect(calls).toHaveLength(2);
    const history: ModelMessage[] = [
      user('go'),
      first,
      {
        role: 'tool',
        content: [
          {
            type: 'toolResult',
            callId: calls[0]!.id,
            name: 'time.now',
            content: [
              { type: 'text', text: '12:00' },
              { type: 'image', mediaType: 'image/png', data: 'aGk=' },
            ],
            isError: false,
          },
          // The result of the second call was lost in a crash; this one answers nothing.
          {
            type: 'toolResult',
            callId: 'nobody',
            name: 'x',
            content: [{ type: 'text', text: 'lost' }],
            isError: false,
          },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: '  ' }] },
      user('and now?'),
      user('hurry'),
    ];
    const heard = await listen({ model: 'test-model', messages: history, tools }, endpointFor(server, to));
    expect(server.requests[1]!.refused).toBeNull();
    expect(heard.text).toContain('hurry');
    const sent = JSON.stringify(server.requests[1]!.body);
    expect(sent).toContain('12:00');
    expect(sent).toContain('interrupted');
    expect(sent).not.toContain('lost');
    // Its own model gets its signed thinking back, another does not.
    expect(sent.includes('sig1')).toBe(from === to && to === 'anthropic-messages');
  });
});

it('gives Mistral the nine-character ids it insists on, and the same each time', async () => {
  const call = { type: 'toolCall', id: 'call_1234567890', name: 'time.now', arguments: {} } as const;
  const messages: ModelMessage[] = [
    user('go'),
    { role: 'assistant', content: [call] },
    {
      role: 'tool',
      content: [
        {
          type: 'toolResult',
          callId: call.id,
          name: 'time.now',
          content: [{ type: 'text', text: '1' }],
          isError: false,
        },
      ],
    },
  ];
  const endpoint = endpointFor(server, 'openai-chat', { toolCallIds: 'alphanumeric9' });
  for (let i = 0; i < 2; i++) await listen({ model: 'm', messages, tools }, endpoint);
  const [one, two] = server.requests.map((request) => request.body.messages);
  expect(one[1].tool_calls[0].id).toMatch(/^[a-z0-9]{9}$/i);
  expect(one[2].tool_call_id).toBe(one[1].tool_calls[0].id);
  expect(two).toEqual(one);
});
