import { describe, expect, it } from 'vitest';
import { Answer } from './answer.ts';

const drain = (events: Iterable<unknown>) => [...events].length;

/** An answer with text and one call whose arguments came that far. */
function answerWith(json: string, ended: boolean): Answer {
  const answer = new Answer('a/openai-chat/m');
  answer.text('Looking.');
  const { id } = answer.toolStart('call_A', 'time.now');
  drain(answer.toolDelta(id, json));
  if (ended) drain(answer.toolEnd(id));
  return answer;
}
const typesOf = (answer: Answer) => answer.message().content.map(({ type }) => type);

describe('an answer that reached its output cap', () => {
  // Wires differ in whether they end a call that was cut.
  it.each([true, false])('leaves out the call it was cut in (ended by the wire: %s)', (ended) => {
    for (const json of ['', ' ', '{"timezone": "U', '{']) {
      const answer = answerWith(json, ended);
      const events = [...answer.finish(true)];
      expect(events).toEqual(ended ? [] : [{ type: 'toolEnd', id: 'call_A' }]);
      expect(typesOf(answer)).toEqual(['text']);
      expect(answer.hasToolCalls).toBe(false);
    }
  });

  it('keeps a call that is whole', () => {
    const answer = answerWith('{"timezone": "UTC"}', false);
    expect([...answer.finish(true)]).toHaveLength(1);
    expect(typesOf(answer)).toEqual(['text', 'toolCall']);
  });

  it('keeps a call before the text that was cut', () => {
    const answer = answerWith('', true);
    answer.text('and then');
    expect([...answer.finish(true)]).toEqual([]);
    expect(typesOf(answer)).toEqual(['text', 'toolCall', 'text']);
  });
});

it('an answer that is complete has calls without arguments', () => {
  const answer = answerWith('', true);
  expect([...answer.finish(false)]).toEqual([]);
  expect(answer.message().content.at(-1)).toEqual({
    type: 'toolCall',
    id: 'call_A',
    name: 'time.now',
    arguments: {},
  });
});

it('a call that its wire did not end has no arguments only when they say so', () => {
  for (const [json, invalid] of [
    ['', ''],
    ['{"a"', '{"a"'],
    ['{}', undefined],
    ['null', undefined],
  ] as const) {
    const answer = answerWith(json, false);
    expect([...answer.finish(false)]).toEqual([{ type: 'toolEnd', id: 'call_A' }]);
    expect(answer.message().content.at(-1)).toMatchObject({ type: 'toolCall', arguments: {} });
    expect((answer.message().content.at(-1) as { invalid?: string }).invalid).toBe(invalid);
  }
});

it('a call of which more comes after its end was not whole', () => {
  const answer = answerWith('{"a":', true);
  expect([...answer.toolDelta('call_A', '1}')]).toEqual([]);
  expect([...answer.finish(false)]).toEqual([]);
  expect(answer.message().content.at(-1)).toMatchObject({ arguments: { a: 1 } });
});

it('an answer that broke off has no calls', () => {
  expect(typesOf(answerWith('{}', false))).toEqual(['text']);
  expect(typesOf(answerWith('{}', true))).toEqual(['text']);
});

it('gives a call an id of our own where that of the vendor is missing, repeats or is very long', () => {
  const answer = new Answer('a/openai-chat/m');
  expect(answer.toolStart('call_A', 'time.now').id).toBe('call_A');
  for (const id of [null, '', '\0', 'call_A', 'call\0_A', 'i'.repeat(300_000)])
    expect(answer.toolStart(id, 'time.now').id).toMatch(/^call_[0-9a-f]{24}$/);
});
