import { describe, expect, it } from 'vitest';
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
