import { expect, it } from 'vitest';
import { createRendered } from './rendered.ts';

/** Rendering takes a millisecond for each character. */
function setUp() {
  const made: string[] = [];
  let time = 0;
  const render = (text: string) => {
    made.push(text);
    time += text.length;
    return [{ tag: 'p' as const, children: [text] }];
  };
  const rendered = createRendered({ message: render, draft: render }, () => time);
  const wait = (ms: number) => {
    time += ms;
  };
  return { rendered, made, wait };
}

const blocks = (text: string) => [{ tag: 'p', children: [text] }];

it('makes a message once, however many streams are opened', () => {
  const { rendered, made } = setUp();
  for (let stream = 0; stream < 100; stream += 1)
    expect(rendered.message('m1', 'Hello')).toEqual(blocks('Hello'));
  expect(made).toEqual(['Hello']);
});

it('keeps what was asked for last, and no more than 8 Mi characters', () => {
  const { rendered, made } = setUp();
  const long = 'x'.repeat(1024 * 1024);
  for (const id of ['1', '2', '3', '4', '5', '6', '7', '1', '8', '9']) rendered.message(id, long);
  expect(made).toHaveLength(9);
  rendered.message('1', long);
  expect(made).toHaveLength(9);
  rendered.message('2', long);
  expect(made).toHaveLength(10);
});

it('makes a draft once for all who watch, and anew after four times the time that it took', () => {
  const { rendered, made, wait } = setUp();
  const first = 'a'.repeat(100);
  expect(rendered.draft('r1', first)).toEqual(blocks(first));
  for (let stream = 0; stream < 10; stream += 1)
    expect(rendered.draft('r1', `${first}${'b'.repeat(stream)}`)).toEqual(blocks(first));
  expect(made).toHaveLength(1);
  wait(400);
  expect(rendered.draft('r1', `${first}bb`)).toEqual(blocks(`${first}bb`));
  expect(rendered.draft('r1', first)).toEqual(blocks(`${first}bb`));
  expect(made).toHaveLength(2);
});

it('never shows a draft of another step or run', () => {
  const { rendered } = setUp();
  rendered.draft('r1', 'The first step');
  expect(rendered.draft('r1', 'Another one')).toEqual(blocks('Another one'));
  expect(rendered.draft('r2', 'Another run')).toEqual(blocks('Another run'));
});
