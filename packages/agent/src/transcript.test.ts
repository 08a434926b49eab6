import type { AssistantMessage, ToolResultPart } from '@nightshift/contracts';
import type { JournalStep } from '@nightshift/core/runs';
import { expect, it } from 'vitest';
import { readTranscript } from './transcript.ts';

const said = (seq: number, text: string) => ({ seq, content: [{ type: 'text' as const, text }] });
const call = (id: string) => ({ type: 'toolCall' as const, id, name: 'time.now', arguments: {} });
const result = (callId: string): ToolResultPart => ({
  type: 'toolResult',
  callId,
  name: 'time.now',
  content: [{ type: 'text', text: `result of ${callId}` }],
  isError: false,
});

const model = (
  index: number,
  throughSeq: number,
  content: AssistantMessage['content'] | null,
  tokens = 0,
): JournalStep => ({
  kind: 'model',
  index,
  name: 'lab/model',
  status: content ? 'succeeded' : 'failed',
  attempts: 1,
  input: { throughSeq },
  output: content && { message: { role: 'assistant', content }, stop: 'end' },
  usage: { input: tokens, cachedInput: 0, cacheWrite: 0, output: 1, reasoning: 0 },
});
const tool = (index: number, callId: string, output: ToolResultPart | null): JournalStep => ({
  kind: 'tool',
  index,
  name: 'time.now',
  status: output ? 'succeeded' : 'started',
  attempts: 1,
  input: { callId, arguments: {} },
  output,
});

it('begins with what was said, at step 0', () => {
  expect(readTranscript([said(1, 'hello')], [])).toEqual({
    messages: [{ role: 'user', content: said(1, 'hello').content }],
    pendingCalls: [],
    nextIndex: 0,
    finishedSteps: 0,
    tokens: 0,
  });
});

it('knows which calls have no result yet, and which of them had begun', () => {
  const steps = [
    model(0, 1, [call('a'), call('b'), call('c')]),
    tool(1, 'a', result('a')),
    tool(2, 'b', null),
  ];
  const { pendingCalls, nextIndex, finishedSteps } = readTranscript([said(1, 'go')], steps);
  expect(pendingCalls).toEqual([
    { call: call('b'), index: 2, interrupted: true },
    { call: call('c'), index: 3, interrupted: false },
  ]);
  // A new step never takes the place of one that is to be done again.
  expect(nextIndex).toBeGreaterThan(3);
  expect(finishedSteps).toBe(2);
});

it('gives results in the order of their calls, whatever finished first', () => {
  const steps = [model(0, 1, [call('b'), call('a')]), tool(1, 'a', result('a')), tool(2, 'b', result('b'))];
  expect(readTranscript([said(1, 'go')], steps).messages.at(-1)).toEqual({
    role: 'tool',
    content: [result('b'), result('a')],
  });
});

it('makes a model step that failed again, in its place, and counts what it cost', () => {
  const { nextIndex, tokens, messages } = readTranscript([said(1, 'go')], [model(0, 1, null, 10)]);
  expect({ nextIndex, tokens }).toEqual({ nextIndex: 0, tokens: 11 });
  expect(messages).toHaveLength(1);
});

it('puts what was said meanwhile where the model first saw it', () => {
  const own = [said(1, 'go'), said(2, 'and this'), said(3, 'not seen yet')];
  const steps = [
    model(0, 1, [call('a')]),
    tool(1, 'a', result('a')),
    model(2, 2, [{ type: 'text', text: 'Yes.' }]),
  ];
  expect(readTranscript(own, steps).messages.map(({ role }) => role)).toEqual([
    'user',
    'assistant',
    'tool',
    'user',
    'assistant',
    'user',
  ]);
});

it('leaves out what summarized the conversation, and goes on after it', () => {
  const summarized: JournalStep = {
    ...model(0, 1, [{ type: 'text', text: 'In short …' }], 10),
    input: { throughSeq: 1, task: 'compaction' },
  } as JournalStep;
  const done = readTranscript([said(1, 'go')], [summarized]);
  expect(done).toMatchObject({ nextIndex: 1, finishedSteps: 1, tokens: 11 });
  expect(done.messages.map(({ role }) => role)).toEqual(['user']);
  expect(readTranscript([said(1, 'go')], [{ ...summarized, status: 'failed' }]).nextIndex).toBe(1);
  expect(readTranscript([said(1, 'go')], [{ ...summarized, status: 'started' }]).nextIndex).toBe(0);
});
