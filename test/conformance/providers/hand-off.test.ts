/** One conversation, begun by one model and gone on with by another, over every pair of wires. */
import type { ModelMessage } from '@nightshift/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, startModelServer } from '../../support/model-server/index.ts';
import { attachments, callOf, endpointFor, listen, messageOf, tools, user, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

const pairs = wires.flatMap((from) => wires.map((to) => ({ from, to })));

describe.each(pairs)('$from → $to', ({ from, to }) => {
  // What the next one can read decides, not what the first one could.
  it.each([true, false])(
    'goes on after thinking, parallel calls with odd ids, attachments and a broken history (reads them: %s)',
    async (files) => {
      const compat = { files, textOnly: !files };
      const ask: ModelMessage = {
        role: 'user',
        content: [{ type: 'text', text: 'go' }, attachments.pdf, attachments.csv, attachments.audio],
      };
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
      const first = messageOf(
        await listen(callOf('', { messages: [ask], tools }), endpointFor(server, from, { files: true })),
      );
      const calls = first.content.filter((part) => part.type === 'toolCall');
      expect(calls).toHaveLength(2);
      const history: ModelMessage[] = [
        ask,
        first,
        {
          role: 'tool',
          content: [
            {
              type: 'toolResult',
              callId: calls[0]!.id,
              name: 'time.now',
              content: [{ type: 'text', text: '12:00' }, attachments.image, attachments.pdf],
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
      const call = { model: 'test-model', messages: history, tools, thinking: 'low' as const };
      const heard = await listen(call, endpointFor(server, to, compat));
      expect(server.requests[1]!.refused).toBeNull();
      expect(heard.text).toContain('hurry');
      const sent = JSON.stringify(server.requests[1]!.body);
      expect(sent).toContain('12:00');
      expect(sent).toContain('interrupted');
      expect(sent.split(`${attachments.pdf.data}"`).length - 1).toBe(files ? 2 : 0);
      expect(sent.includes(attachments.image.data)).toBe(files);
      expect(sent.split('report.pdf').length - 1).toBeGreaterThanOrEqual(2);
      expect(sent).toContain('apple,1');
      expect(sent).toContain('sound recording');
      expect(sent).not.toContain('lost');
      // Its own model gets its signed thinking back, another does not.
      expect(sent.includes('sig1')).toBe(from === to && to !== 'openai-chat');
    },
  );
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
