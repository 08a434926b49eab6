import { describe, expect, it } from 'vitest';
import { instant } from './since.ts';

const now = Date.parse('2027-03-10T12:00:00Z');

describe('an instant on the command line', () => {
  it.each([
    ['90m', '2027-03-10T10:30:00.000Z'],
    ['24h', '2027-03-09T12:00:00.000Z'],
    ['7d', '2027-03-03T12:00:00.000Z'],
    ['2w', '2027-02-24T12:00:00.000Z'],
    ['2027-01-31', '2027-01-31T00:00:00.000Z'],
    ['2027-01-31T08:00:00+01:00', '2027-01-31T07:00:00.000Z'],
  ])('%s is %s', (value, time) => expect(instant(value, now)).toBe(time));

  it.each(['', '7', '7 d', 'd', 'yesterday', '2027-13-01', '31.1.2027', '-7d'])('refuses %j', (value) => {
    expect(() => instant(value, now)).toThrow('It has to be like');
  });
});
