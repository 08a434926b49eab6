import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { moment, several, withPages } from './options.ts';

describe('moment', () => {
  it('takes a time, a day, and so long ago', () => {
    expect(moment('2027-01-31T08:00:00+01:00')).toBe('2027-01-31T07:00:00.000Z');
    expect(moment('2027-01-31')).toBe('2027-01-31T00:00:00.000Z');
    const hour = 3_600_000;
    const ago = Date.now() - Date.parse(moment('48h'));
    expect(ago).toBeGreaterThanOrEqual(48 * hour);
    expect(ago).toBeLessThan(49 * hour);
    for (const wrong of ['yesterday', '2 h', 'h', ''])
      expect(() => moment(wrong)).toThrow('It has to be a time');
  });
});

it('takes several choices, joined by commas or repeated', () => {
  const parse = (...args: string[]) => {
    const command = withPages(new Command().exitOverride().configureOutput({ writeErr: () => {} }));
    command.addOption(several('--status <status>', 'only those', ['a', 'b', 'c']));
    return command.parse(args, { from: 'user' }).opts();
  };
  expect(parse('--status', 'a, b', '--status', 'c')).toMatchObject({ status: ['a', 'b', 'c'], limit: 50 });
  expect(parse('--all')).toMatchObject({ all: true });
  expect(() => parse('--status', 'a,x')).toThrow('Allowed choices are a, b, c.');
  expect(() => parse('--all', '--limit', '3')).toThrow('cannot be used with');
});
