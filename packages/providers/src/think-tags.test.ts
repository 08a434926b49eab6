import type { AssistantMessage } from '@nightshift/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { superlinearGrowth } from '../../../test/support/growth/measure.ts';
import { Answer } from './answer.ts';
import type { Compat, ModelEvent } from './provider.ts';
import { createTextReader } from './think-tags.ts';

interface Read {
  /** As they were streamed. */
  thinking: string;
  text: string;
  message: AssistantMessage['content'];
  events: ModelEvent[];
}

function read(deltas: readonly string[], { compat = {} as Compat, isCut = false } = {}): Read {
  const answer = new Answer('a/openai-chat/m');
  const reader = createTextReader(
    answer,
    { model: 'm', messages: [] },
    { provider: 'a', wire: 'openai-chat', baseUrl: '', apiKey: null, compat },
  );
  const events = [...deltas.flatMap((delta) => [...reader.read(delta)]), ...reader.end(isCut)];
  const join = (type: 'text' | 'thinking') =>
    events.map((event) => (event.type === type ? event.delta : '')).join('');
  return { thinking: join('thinking'), text: join('text'), message: answer.message().content, events };
}
const thought = (text: string) => ({ type: 'thinking', text, issuer: 'a/openai-chat/m' });
const said = (text: string) => ({ type: 'text', text });

/** A text in pieces that begin wherever the numbers say. */
function cut(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at >= text.length) break;
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return [...pieces, text.slice(at)];
}
const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 40 });
/** Words that hold pieces of tags, and no tag. */
const words = fc
  .array(
    fc.constantFrom(
      'a',
      'b c',
      '<',
      '>',
      '</',
      'think',
      '<thin',
      'think>',
      '/think',
      '.',
      'Grüße',
      '👋',
      '<b>',
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => parts.join(' '));

const tags = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reasoning>', '</reasoning>'],
  ['<seed:think>', '</seed:think>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
] as const;

describe('thinking in tags where the answer begins', () => {
  it.each(tags)('%s is thinking, wherever its text is cut', (open, close) => {
    fc.assert(
      fc.property(words, words, lengths, fc.constantFrom('', '\n', ' '), (thinking, text, lengths, space) => {
        const whole = `${space}${open}${space}${thinking}${space}${close}${space}${space}${text}`;
        const { message, ...streamed } = read(cut(whole, lengths));
        expect(message).toEqual([thought(thinking), said(text)]);
        expect(streamed).toMatchObject({ thinking, text });
      }),
    );
  });

  it('may be empty, or there several times', () => {
    expect(read(['<think>\n\n</think>\n\nHi']).message).toEqual([said('Hi')]);
    expect(read(['<think>A</think>\n<think>B</think>Hi']).message).toEqual([thought('AB'), said('Hi')]);
  });

  it('is all there is when it is not closed', () => {
    expect(read(['<think>', 'Hm', ' so', ' </thi']).message).toEqual([thought('Hm so </thi')]);
    expect(read(['<think>Hm</think>\n']).message).toEqual([thought('Hm')]);
  });

  it('is streamed as it comes', () => {
    expect(read(['<think>', 'One. ', 'Two. ', '</think>', 'Three', ' four']).events).toEqual([
      { type: 'thinking', delta: 'One.' },
      { type: 'thinking', delta: ' Two.' },
      { type: 'text', delta: 'Three' },
      { type: 'text', delta: ' four' },
    ]);
  });
});

describe('text', () => {
  it('that begins otherwise is passed on as it is, each delta at once', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), lengths, (first, rest, lengths) => {
        fc.pre(/^[^<[◁\s]/u.test(first));
        const deltas = cut(first + rest, lengths).filter((delta) => delta !== '');
        const { events } = read(deltas);
        expect(events).toEqual(deltas.map((delta) => ({ type: 'text', delta })));
      }),
    );
  });

  it('comes whole, whatever of it looks like the beginning of a tag', () => {
    fc.assert(
      fc.property(fc.constantFrom('', ' ', '\n'), words, lengths, (space, text, lengths) => {
        fc.pre(!/<\/?think>/.test(text));
        expect(read(cut(space + text, lengths)).text).toBe(space + text);
      }),
    );
  });

  it.each([
    'Use <think> for thinking.',
    'First <think>this</think>, then that.',
    'The tag `</think>` ends it.',
    'It ends with "</think>" there.',
    'The model writes </think> when it is done.',
    'Like so:\n```\nhm\n</think>\nanswer\n```\nThat is all.',
    'Write `x</think>` at the end.',
    '`<think>` and\n</think>\nare tags.',
  ])('that is about tags stays text: %j', (text) => {
    expect(read([text]).message).toEqual([said(text)]);
  });
});

describe('a lone end of thinking', () => {
  it.each([
    ['Hm, so.\n</think>\n\nHello', 'Hm, so.', 'Hello'],
    ['Hm, so.</think>Hello', 'Hm, so.', 'Hello'],
    ['Hm, so. </think>\nHello', 'Hm, so.', 'Hello'],
    ['Hm </think>', 'Hm', ''],
    ['[x[/THINK]Hello', '[x', 'Hello'],
  ])('makes what is before it thinking, in the message: %j', (text, thinking, answer) => {
    fc.assert(
      fc.property(lengths, (lengths) => {
        const { message } = read(cut(text, lengths));
        expect(message).toEqual([thought(thinking), ...(answer ? [said(answer)] : [])]);
      }),
    );
  });

  it('with nothing before it is dropped', () => {
    expect(read(['</think>', '\n\nHello'])).toMatchObject({
      text: 'Hello',
      thinking: '',
      message: [said('Hello')],
    });
    expect(read(['</think>'.repeat(20_000), 'Hello']).message).toEqual([said('Hello')]);
  });

  it('is streamed as thinking where the model is known for it', () => {
    const compat = { opensThinking: ['m'] };
    fc.assert(
      fc.property(
        words,
        words,
        lengths,
        fc.constantFrom('', '<think>', '<think>\n'),
        (thinking, text, lengths, open) => {
          fc.pre(!/^<\/?think>|^<thin( |$)|^<( |$)|^<\/( |$)/.test(thinking));
          const { message, ...streamed } = read(cut(`${open}${thinking}</think>\n\n${text}`, lengths), {
            compat,
          });
          expect(message).toEqual([thought(thinking), said(text)]);
          expect(streamed).toMatchObject({ thinking, text });
        },
      ),
    );
  });

  it('that does not come there makes all of it the answer, unless it was cut', () => {
    const compat = { opensThinking: true };
    expect(read(['Hel', 'lo'], { compat })).toMatchObject({ message: [said('Hello')], text: 'Hello' });
    expect(read(['Hel', 'lo'], { compat, isCut: true }).message).toEqual([thought('Hello')]);
  });

  it('is not waited for where the wire tells thinking apart', () => {
    const answer = new Answer('i');
    const endpoint = {
      provider: 'a',
      wire: 'openai-chat',
      baseUrl: '',
      apiKey: null,
      compat: { opensThinking: true },
    } as const;
    const reader = createTextReader(answer, { model: 'm', messages: [] }, endpoint);
    expect([...reader.thinking('Hm.'), ...reader.read('Hello')]).toEqual([
      { type: 'thinking', delta: 'Hm.' },
      { type: 'text', delta: 'Hello' },
    ]);
  });
});

it('what is held back is passed on before something else', () => {
  const answer = new Answer('i');
  const endpoint = { provider: 'a', wire: 'openai-chat', baseUrl: '', apiKey: null, compat: {} } as const;
  const reader = createTextReader(answer, { model: 'm', messages: [] }, endpoint);
  expect([...reader.read('<thi'), ...reader.flush()]).toEqual([{ type: 'text', delta: '<thi' }]);
});

it('takes time in proportion to the text, whatever it is', () => {
  const shapes: Record<string, (size: number) => string[]> = {
    'pieces of the end': (size) => ['<think>', ...Array.from({ length: size }, () => '</thin')],
    'white space': (size) => ['<think>', ...Array.from({ length: size }, () => '  ')],
    'white space first': (size) => Array.from({ length: size }, () => ' '),
    'thinking again and again': (size) => ['<think>a</think>'.repeat(size)],
    'ends again and again': (size) => [`a${'`</think>`'.repeat(size)}`],
    'one character at a time': (size) => [...`<think>${'ab<'.repeat(size)}</think>x`],
  };
  for (const [name, shape] of Object.entries(shapes))
    expect(
      superlinearGrowth((length) => shape(Math.ceil(length / 6)), read, 60_000),
      name,
    ).toBeNull();
});
