import { expect, it } from 'vitest';
import { readChatMessages, readInput } from './messages.ts';

const call = (id: string) => ({ id, type: 'function', function: { name: 'look', arguments: '{}' } });
const calls = (...ids: string[]) =>
  ({ role: 'assistant', content: null, tool_calls: ids.map(call) }) as const;
const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'Found.' }) as const;
const user = { role: 'user', content: 'Well?' } as const;

it.each([
  ['a call without a result', [user, calls('1'), user], /"1" must come before/],
  ['one of two', [user, calls('1', '2'), result('1'), user], /"2" must come before/],
  ['a result that comes late', [user, calls('1'), user, result('1'), user], /"1" must come before/],
  ['two results of one call', [user, calls('1'), result('1'), result('1'), user], /no open tool call/],
  ['two calls of one id', [user, calls('1', '1'), result('1'), user], /id of a call before/],
] as const)('refuses a history that vendors refuse: %s', (_name, messages, reason) => {
  expect(() => readChatMessages([...messages])).toThrow(reason);
});

it('takes calls with their results, in any order, and ids that come again later', () => {
  const turn = [user, calls('1', '2'), result('2'), result('1')];
  expect(readChatMessages([...turn, ...turn, user]).earlier).toHaveLength(8);
});

it('the same of a list of items', () => {
  const asked = { type: 'function_call', call_id: '1', name: 'look', arguments: '{}' };
  const answered = { type: 'function_call_output', call_id: '1', output: 'Found.' };
  const read = (...input: Record<string, unknown>[]) =>
    readInput({ input: [...input] }, null, () => undefined);
  expect(() => read(asked, user)).toThrow(/"1" must come before/);
  expect(() => read(asked, answered, answered, user)).toThrow(/no open tool call/);
  expect(
    read(asked, { ...asked, call_id: '2' }, answered, { ...answered, call_id: '2' }, user).earlier,
  ).toHaveLength(4);
});
