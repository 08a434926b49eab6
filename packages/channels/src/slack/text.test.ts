import { expect, it } from 'vitest';
import { mentions, toText, withoutPings, withoutSalutation } from './text.ts';

const us = new Set(['U0BOT']);

it.each([
  ['a &lt;b&gt; &amp;amp; c', 'a <b> &amp; c'],
  ['<https://example.com>', 'https://example.com'],
  ['<https://example.com|https://example.com>', 'https://example.com'],
  ['<http://example.com|example.com>', 'example.com'],
  ['<https://example.com/?a=1&amp;b=2|here & there>', '[here & there](https://example.com/?a=1&b=2)'],
  ['<mailto:ann@example.com|ann@example.com> <tel:+49301234|+49 30 1234>', 'ann@example.com +49 30 1234'],
  ['<@U0ANN> <@U0BOB|bob> <#C1|general> <#C1>', '@U0ANN @bob #general #C1'],
  ['<!here> <!subteam^S1|@devs> <!subteam^S1> <!date^1^{date}|on Monday>', '@here @devs @S1 on Monday'],
  ['`a < b` and <\nnothing>', '`a < b` and <\nnothing>'],
  ['<>', '<>'],
])('reads %s', (mrkdwn, text) => expect(toText(mrkdwn)).toBe(text));

it('finds a mention only where Slack wrote it', () => {
  for (const text of ['<@U0BOT>', 'a <@U0BOT|night> b']) expect(mentions(text, us)).toBe(true);
  for (const text of ['@U0BOT', '&lt;@U0BOT&gt;', '<@U0BOTS>', '<@U0ANN>', '<#U0BOT>', '<https://x|@U0BOT>'])
    expect(mentions(text, us)).toBe(false);
});

it('drops the salutation, and only ours', () => {
  expect(withoutSalutation('<@U0BOT>: /new', us)).toBe('/new');
  expect(withoutSalutation(' <@U0BOT|night> hi <@U0BOT>', us)).toBe('hi <@U0BOT>');
  for (const text of ['<@U0ANN> hi', 'hi <@U0BOT>', '']) expect(withoutSalutation(text, us)).toBe(text);
});

it('leaves nothing that calls people', () => {
  expect(withoutPings('<!everyone> <@U1> <https://x|y> <#C1>')).toBe(
    '&lt;!everyone> &lt;@U1> <https://x|y> <#C1>',
  );
});
