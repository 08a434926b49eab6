import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, looksLikeProgram, maxLines } from './rhythm.ts';

interface Said {
  /** Absent: we. */
  by?: string;
  /** Milliseconds after what was said before. */
  after: number;
  text: string;
}

/** Plays a conversation, and says for each message of others whether its sender was taken for a program. */
function play(said: readonly Said[]): boolean[] {
  let at = 0;
  const lines: (Omit<Line, 'ageMs'> & { at: number })[] = [];
  const verdicts: boolean[] = [];
  for (const { by, after, text } of said) {
    at += after;
    lines.push({ sender: by ?? null, text: text.slice(0, 300), length: text.length, at });
    const seen = lines.slice(-maxLines - 1).map(({ at: then, ...line }) => ({ ...line, ageMs: at - then }));
    if (by !== undefined) verdicts.push(looksLikeProgram(seen));
  }
  return verdicts;
}

const answer =
  'That is an interesting question. Let me think about it, and tell you what I have found so far.';
const ours = (after = 1_500, text = answer): Said => ({ after, text });
const from = (by: string, after: number, text: string): Said => ({ by, after, text });
const turns = (count: number, turn: (nth: number) => readonly Said[]) =>
  play(Array.from({ length: count }, (_, nth) => turn(nth)).flat());
const sentence = (nth: number) =>
  `${['I wonder', 'Tell me', 'Perhaps', 'Indeed', 'However'][nth % 5]} what you think of ${['trees', 'rivers', 'cities', 'music', 'numbers', 'boats', 'bread'][nth % 7]}, for I do not know yet.`;

describe('people are not programs', () => {
  it('who answer in one word, three times in ten seconds', () => {
    expect(
      play([
        from('ann', 0, 'Shall we go through the list?'),
        ours(),
        from('ann', 1_500, 'ok'),
        ours(),
        from('ann', 1_200, 'yes'),
        ours(),
        from('ann', 1_300, 'yes'),
      ]),
    ).not.toContain(true);
  });

  it('who press on through a quiz or a list, as fast as they can', () => {
    expect(
      turns(40, (nth) => [from('ann', 900, ['a', 'b', 'next', 'next', 'ok'][nth % 5]!), ours(700)]),
    ).not.toContain(true);
    expect(turns(40, () => [from('ann', 1_200, 'next'), ours(700)])).not.toContain(true);
  });

  it('who forward a burst, or paste ten messages', () => {
    const burst = Array.from({ length: 20 }, (_, nth) => from('ann', 60, `Forwarded: order ${nth} is late`));
    expect(play([from('ann', 0, 'Look at this'), ours(), ...burst, ours(), ...burst])).not.toContain(true);
    // The agent answers while they still come.
    const pasted = Array.from({ length: 10 }, (_, nth) => [
      from('ann', 100, sentence(nth)),
      ...(nth % 3 === 2 ? [ours(80)] : []),
    ]);
    expect(play(pasted.flat())).not.toContain(true);
  });

  it('five lively ones in a group, who all talk to us', () => {
    const people = ['ann', 'bob', 'carl', 'dora', 'emil'];
    expect(
      turns(60, (nth) => [
        from(people[nth % 5]!, 2_300, `and what about ${sentence(nth).slice(0, 40)}?`),
        ours(900),
      ]),
    ).not.toContain(true);
  });

  it('who paste one paragraph after another for translation', () => {
    expect(turns(30, (nth) => [from('ann', 5_500, sentence(nth).repeat(5)), ours(1_000)])).not.toContain(
      true,
    );
  });

  it('who type while they wait, and send when the answer is there', () => {
    expect(
      turns(30, (nth) => [from('ann', nth % 4 === 0 ? 9_000 : 1_000, sentence(nth)), ours(6_000)]),
    ).not.toContain(true);
  });

  it('who ask for the same now and then, or nearly the same for many things', () => {
    const asks = (nth: number) => [
      from('ann', 15_000, nth % 4 === 3 ? 'Thank you, and one more thing' : 'What is the weather like?'),
      ours(),
    ];
    expect(turns(20, asks)).not.toContain(true);
    expect(turns(7, (nth) => [from('ann', 9_000, `Where is order ${4711 + nth}?`), ours()])).not.toContain(
      true,
    );
  });

  it('whatever they say, at the speed of people', () => {
    const line = fc.record({
      text: fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }),
      think: fc.integer({ min: 500, max: 60_000 }),
      ours: fc.integer({ min: 50, max: 20_000 }),
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const said = lines.flatMap((each, nth) => [
          // Nobody sends the same twice here, and everybody types.
          from(
            'ann',
            4_000 + each.think + each.text.length * 60,
            `${nth} ${each.text} ${'abcdefghij'.repeat(nth % 9)}`,
          ),
          ours(each.ours),
        ]);
        expect(play(said)).not.toContain(true);
      }),
    );
  });
});

describe('programs are found', () => {
  const firstFound = (verdicts: readonly boolean[]) => verdicts.indexOf(true);

  it.each([
    ['at once', 200, 200],
    ['after the second that their model takes', 1_500, 1_800],
    ['that take their time, where we take longer', 20_000, 2_500],
  ])('that answer %s', (_name, oursMs, theirsMs) => {
    const verdicts = turns(12, (nth) => [from('bot', theirsMs, sentence(nth)), ours(oursMs)]);
    expect(firstFound(verdicts)).toBe(7);
    expect(verdicts.slice(7)).not.toContain(false);
  });

  it('that say everything in two messages', () => {
    const verdicts = turns(12, (nth) => [
      from('bot', 300, sentence(nth)),
      from('bot', 10, 'And this.'),
      ours(300),
    ]);
    expect(firstFound(verdicts)).toBe(14);
    expect(verdicts.slice(14)).not.toContain(false);
  });

  it('that are three in one room', () => {
    const verdicts = turns(20, (nth) => [from(`bot ${nth % 2}`, 400, sentence(nth)), ours(400)]);
    expect(firstFound(verdicts)).toBeLessThan(11);
  });

  it('that repeat themselves, however slowly', () => {
    const absence = (nth: number) =>
      `I am out of the office until Monday. Your ticket is number ${nth * 7919}.`;
    expect(
      firstFound(turns(14, () => [from('bot', 40_000, 'I am out of the office until Monday.'), ours()])),
    ).toBe(4);
    expect(firstFound(turns(14, (nth) => [from('bot', 40_000, absence(nth)), ours()]))).toBe(8);
    // Nearly: a name and a date are others each time.
    const nearly = (nth: number) =>
      `Thank you for your message, ${['Ann', 'Bob', 'Eve'][nth % 3]}. We have received it and answer within two working days.`;
    expect(firstFound(turns(14, (nth) => [from('bot', 40_000, nearly(nth)), ours()]))).toBe(8);
  });

  it('until somebody else speaks as people do', () => {
    const bots = (count: number) =>
      Array.from({ length: count }, (_, nth) => [from('bot', 300, sentence(nth)), ours(300)]).flat();
    const verdicts = play([...bots(10), from('ann', 30_000, 'What are you two at?'), ours(), ...bots(3)]);
    expect(verdicts.slice(8, 10)).toEqual([true, true]);
    expect(verdicts.slice(10)).toEqual([false, false, false, false]);
  });
});

it('takes no longer for long or odd texts', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { maxLength: 40 }), (texts) => {
      const said = texts.flatMap((text) => [from('x', 100, text), ours(100, text)]);
      expect(play(said)).toHaveLength(texts.length);
    }),
    { numRuns: 20 },
  );
});
