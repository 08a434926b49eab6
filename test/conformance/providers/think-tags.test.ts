/** Thinking that a server leaves in the text, on each wire, in streams and in whole answers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServer, type Step, startModelServer } from '../../support/model-server/index.ts';
import { callOf, endpointFor, listen, messageOf, tools, type Wire, wires } from './support.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterEach(() => server.reset());
afterAll(() => server.close());

/** The same text in a body that is no stream. */
const whole: Record<Wire, (text: string) => object> = {
  'openai-chat': (content) => ({
    choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }],
  }),
  'openai-responses': (text) => ({
    status: 'completed',
    output: [{ type: 'message', id: 'msg_1', content: [{ type: 'output_text', text }] }],
  }),
  'anthropic-messages': (text) => ({
    type: 'message',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
  }),
};

describe.each(wires)('%s', (wire) => {
  const endpoint = (compat = {}) => endpointFor(server, wire, compat);
  const thought = (text: string) => ({ type: 'thinking', text, issuer: expect.any(String) });
  const said = (text: string) => ({ type: 'text', text });
  const hear = (step: Step, compat = {}) => {
    server.script([step]);
    return listen(callOf('hi', { tools }), endpoint(compat));
  };

  it.each<[string, string, unknown[]]>([
    ['a pair of tags', '<think>\nHm, so.\n</think>\n\nYes.', [thought('Hm, so.'), said('Yes.')]],
    ['a lone end', 'Hm, so.\n</think>\n\nYes.', [thought('Hm, so.'), said('Yes.')]],
    ['no end', '<think>Hm, so.', [thought('Hm, so.')]],
    ['tags in the middle', 'Write <think>x</think> there.', [said('Write <think>x</think> there.')]],
  ])('parts the text at %s, streamed and whole', async (_name, text, expected) => {
    for (const size of [1, 5, 1000]) {
      const deltas = text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g'))!;
      expect(messageOf(await hear({ text: deltas })).content).toEqual(expected);
    }
    expect(messageOf(await hear({ body: JSON.stringify(whole[wire](text)) })).content).toEqual(expected);
  });

  it('streams thinking as such from the first token on where the model is known for a lone end', async () => {
    const heard = await hear(
      { text: ['Hm', ', so.', '\n</th', 'ink>\n\n', 'Yes.'] },
      { opensThinking: ['test-'] },
    );
    expect([heard.thinking, heard.text]).toEqual(['Hm, so.', 'Yes.']);
    expect(heard.types.slice(0, 2)).toEqual(['start', 'thinking']);
  });

  it('keeps a tool call that follows, and none of the thinking goes back', async () => {
    const answer = { text: '<think>Secret.</think>\n', toolCalls: [{ id: 'call_A', name: 'time.now' }] };
    const own = messageOf(await hear(answer));
    expect(own.content.map(({ type }) => type)).toEqual(['thinking', 'toolCall']);
    const messages = [...callOf('hi').messages, own];
    for (const model of ['test-model', 'another'])
      messageOf(await listen({ ...callOf('', { messages, tools }), model }, endpoint()));
    expect(server.requests.map(({ refused }) => refused)).toEqual([null, null, null]);
    for (const { body } of server.requests.slice(1))
      expect(JSON.stringify(body)).not.toMatch(/Secret|think>/);
  });
});
