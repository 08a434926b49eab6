import { describe, expect, it } from 'vitest';
import { superlinearGrowth } from '../../../../test/support/growth/measure.ts';
import { parseCommand } from './commands.ts';
import { calledAgent, routedAgent } from './routing.ts';

const routes = [
  { when: { keyword: 'Research' }, agentId: 'r' },
  { when: { group: 'g' }, agentId: 'g' },
];
const said = (text: string, group: string | null = null) => ({ workspace: null, group, person: 'p', text });

describe('a keyword', () => {
  it.each(['research', 'RESEARCH:\tx', '  research, x', 'research!!!...'])(
    'is the first word of %j',
    (text) => {
      expect(calledAgent(routes, said(text))).toBe('r');
      expect(routedAgent(routes, said(text, 'g'))).toBe('r');
    },
  );

  it.each(['researcher', 'the research', '', '...', '.research'])('is not the first word of %j', (text) => {
    expect(calledAgent(routes, said(text))).toBeNull();
    expect(routedAgent(routes, said(text, 'g'))).toBe('g');
  });
});

it.each(['.', ':,!.', ' ', '\n', '.x', '/agent ', '/new@', '/'])(
  'looking for a keyword or a command takes time with the text: %j again and again',
  (pump) => {
    const text = (length: number) => pump.repeat(length / pump.length);
    const many = Array.from({ length: 50 }, () => routes[0]!);
    expect(superlinearGrowth(text, (some) => calledAgent(many, said(some)))).toBeNull();
    expect(superlinearGrowth(text, (some) => routedAgent(many, said(`${some}x`)))).toBeNull();
    expect(superlinearGrowth(text, (some) => parseCommand(`/agent ${some}x`))).toBeNull();
  },
);
