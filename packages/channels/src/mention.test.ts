import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { superlinearGrowth } from '../../../test/support/growth/measure.ts';
import { readMention } from './mention.ts';

const fold = (text: string) => text.toLowerCase();
const read = (text: string, name = 'Ada') => readMention(text, name, fold);

describe('addresses', () => {
  it.each([
    ['Ada: what now?', 'what now?'],
    ['ada, what now?', 'what now?'],
    ['  Ada,what now', 'what now'],
    ['Ada; go on', 'go on'],
    ['Ada – go on', 'go on'],
    ['Ada - go on', 'go on'],
    ['Ada! Stop.', 'Stop.'],
    ['Ada?', ''],
    ['Ada', ''],
    ['@Ada', ''],
    ['@Ada hello', 'hello'],
    ['@ada: hello', 'hello'],
    ['Ada what is the weather?', 'what is the weather?'],
    ['Ada：你好', '你好'],
    ['Ada，你好', '你好'],
    ['@Ada你好', '你好'],
    ['Adaさん、おはよう', 'おはよう'],
    ['Ada، كيف الحال', 'كيف الحال'],
  ])('%s', (text, rest) => {
    expect(read(text)).toEqual({ addressed: true, text: rest });
  });

  it.each([
    'What do you think, Ada?',
    'Please help me, Ada.',
    'Help, Ada!',
    'Stop it, @Ada',
    'Was meinst du, Ada?',
    '¿Qué opinas, Ada?',
    'Что ты думаешь, Ada?',
    'ما رأيك، Ada؟',
    'どう思いますか、Adaさん？',
    '你觉得呢，Ada？',
    'Hi Ada!',
    'Hello Ada, are you there',
    'hey @ada',
    'Good morning Ada!',
    'Danke, Ada!',
    'Bonjour Ada, ça va ?',
    'привет Ada!',
    'I asked @Ada about it',
    'ask (@Ada) later',
    'ping @ADA',
    'is Ada here?',
    'Ist Ada da?',
    '请问Ada在吗？',
  ])('%s', (text) => {
    expect(read(text)).toEqual({ addressed: true, text });
  });

  it('names of other scripts and of odd characters', () => {
    expect(read('艾达，你好', '艾达')).toEqual({ addressed: true, text: '你好' });
    expect(read('Ада: привет', 'ада')).toEqual({ addressed: true, text: 'привет' });
    expect(read('[bot]^: hi', '[bot]^')).toEqual({ addressed: true, text: 'hi' });
    expect(read('Ada Lovelace: hi', 'Ada Lovelace')).toEqual({ addressed: true, text: 'hi' });
    expect(read('c++: hi', 'c++')).toEqual({ addressed: true, text: 'hi' });
  });
});

describe('is no mention', () => {
  it.each([
    'I told Ada yesterday',
    'I told Ada yesterday.',
    'Ada told me yesterday.',
    'Ada is on holiday',
    'is it the Ada of last year',
    'Did Ada call?',
    'Have you asked Ada?',
    'Was Ada there yesterday?',
    'We invited Bob, Carol, Ada.',
    'Bob, Carol, Ada?',
    'Bob, Ada, Carol: hello',
    'Ada-2: hello',
    'Adas: hello',
    'Radar: hello',
    'Ada_: hello',
    'mail ada@example.org',
    'mail me@ada.example',
    'see https://social.example/@Ada',
    '@Ada.example.org is a domain',
    '@Adalbert hello',
    '> Ada: hello\nyes, she said that',
    '> @Ada hello\nyes',
    'Bob: ask Ada: she knows',
    'Ich habe es Ada gesagt.',
    'Ada hat es gesagt.',
    "J'ai vu Ada hier",
    'Я видел Ada вчера',
    '我昨天见过Ada',
    'Ada.example.org is down',
    '',
  ])('%s', (text) => {
    expect(read(text)).toEqual({ addressed: false, text });
  });

  it('an empty name', () => expect(read('hello', '')).toEqual({ addressed: false, text: 'hello' }));
});

it('takes away nothing but the beginning, whatever is written', () => {
  const word = fc.constantFrom('Ada', '@Ada', 'hello', ',', ':', '?', ' ', '\n', '你好', '.', '>', '🙂', '@');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      const text = words.join('');
      const { text: rest } = read(text);
      expect(text.endsWith(rest)).toBe(true);
    }),
  );
});

it.each([
  ['dots', '.'],
  ['spaces', ' '],
  ['commas', ','],
  ['at signs', '@'],
  ['names', 'Ada '],
  ['names with commas', 'Ada, '],
  ['tags', '@Ad '],
  ['quotes', '>\n'],
  ['greetings', 'hi '],
  ['Han', '你'],
])('takes no longer than the text for %s', (_name, unit) => {
  const text = (length: number) => unit.repeat(length / unit.length);
  const work = (some: string) => {
    for (const shape of [some, `Ada${some}x`, `x${some}Ada?`]) read(shape);
  };
  expect(superlinearGrowth(text, work)).toBeNull();
});
