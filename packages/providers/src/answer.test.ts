import { describe, expect, it } from 'vitest';
import { Answer } from './answer.ts';

/** An answer with text and one call whose arguments came that far. */
function answerWith(json: string, ended: boolean): Answer {
  const answer = new Answer('a/openai-chat/m');
  answer.text('Looking.');
  const { id } = answer.toolStart('call_A', 'time.now');
  if (json !== '') answer.toolDelta(id, json);
  if (ended) answer.toolEnd(id);
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
  const answer = answerWith('', false);
  expect([...answer.finish(false)]).toEqual([{ type: 'toolEnd', id: 'call_A' }]);
  expect(answer.message().content.at(-1)).toMatchObject({ type: 'toolCall', arguments: {} });
});

it('an answer that broke off has no call that was not ended', () => {
  expect(typesOf(answerWith('{}', false))).toEqual(['text']);
});
