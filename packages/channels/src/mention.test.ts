import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMention } from './mention.ts';

const fold = (text: string) => text.toLowerCase();
const read = (text: string, name = 'Bot') => readMention(text, name, fold);

describe('a mention in words', () => {
  it.each([
    ['bot: hello', 'hello'],
    ['@BOT, hello', 'hello'],
    ['bot   hello', 'hello'],
    ['bot', ''],
    ['bot:', ''],
  ])('%j only says whom it is for: %j is left', (text, rest) => {
    expect(read(text)).toEqual({ addressed: true, text: rest });
  });

  it.each([
    ['ask the bot!', true],
    ['(bot)', true],
    ['robot', false],
    ['bots', false],
    ['bot-net', false],
    ['日bot', false],
    ['𝒜bot', false],
    ['bot𝒜', false],
    ['robot and bot', true],
    ['nothing', false],
  ])('%j: %s', (text, addressed) => {
    expect(read(text)).toEqual({ addressed, text });
  });

  it('finds a name whatever it is made of', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '.', '*', '[', '\\', '@', '('), minLength: 1 });
    fc.assert(
      fc.property(name, (nick) => {
        expect(readMention(`${nick}: x`, nick, fold)).toEqual({ addressed: true, text: 'x' });
        expect(readMention(`x ${nick} x`, nick, fold).addressed).toBe(true);
      }),
    );
  });

  it('is none without a name', () => {
    expect(read(': hello', '')).toEqual({ addressed: false, text: ': hello' });
  });
});
