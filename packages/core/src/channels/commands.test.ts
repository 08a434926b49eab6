import { describe, expect, it } from 'vitest';
import { parseCommand } from './commands.ts';

describe('a command', () => {
  it.each([
    ['/new', { name: 'new', argument: '' }],
    ['  /NEW@my_bot\n', { name: 'new', argument: '' }],
    ['/agent  research \n now ', { name: 'agent', argument: 'research \n now' }],
    ['/agent@a@b x', { name: 'agent', argument: 'x' }],
  ])('%j', (text, command) => {
    expect(parseCommand(text)).toEqual(command);
  });

  it.each(['new', '/', '/unknown', '/new@', '/NEW@', '/newer', '/new: x', 'x /new', '/new/x'])(
    '%j is none',
    (text) => {
      expect(parseCommand(text)).toBeNull();
    },
  );
});
