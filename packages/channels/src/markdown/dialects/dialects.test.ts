import { describe, expect, it } from 'vitest';
import { parseMarkdown } from '../parse.ts';
import { type Dialect, renderers } from './index.ts';

/** Zero-width spaces are shown as ␣. */
const render = (dialect: Dialect, text: string) => {
  const { html, text: plain } = renderers[dialect](parseMarkdown(text)) as { text: string; html?: string };
  return (html ?? plain).replaceAll('\u200b', '␣');
};

const spans = 'Some **bold *and italic***, ~~struck~~ `a<b` and [a & b](https://a.example/?x=1&y=_z_).';
const table = '| Name | Größe |\n|:--|--:|\n| a | 1 |\n| 日本 | 22 |';

describe('spans', () => {
  it.each([
    [
      'slack',
      'Some *bold _and italic_*, ~struck~ `a&lt;b` and <https://a.example/?x=1&amp;y=_z_|a &amp; b>.',
    ],
    ['whatsapp', 'Some *bold _and italic_*, ~struck~ `a<b` and a & b (https://a.example/?x=1&y=_z_).'],
    ['discord', 'Some **bold *and italic***, ~~struck~~ `a<b` and [a & b](https://a.example/?x=1&y=_z_).'],
    [
      'teams',
      '<p>Some <strong>bold <em>and italic</em></strong>, <strike>struck</strike> <code>a&lt;b</code> and <a href="https://a.example/?x=1&amp;y=_z_">a &amp; b</a>.</p>',
    ],
    [
      'irc',
      'Some \x02bold \x1dand italic\x1d\x02, \x1estruck\x1e \x11a<b\x11 and a & b (https://a.example/?x=1&y=_z_).',
    ],
    ['xmpp', 'Some *bold _and italic_*, ~struck~ `a<b` and a & b (https://a.example/?x=1&y=_z_).'],
    ['plain', 'Some bold and italic, struck a<b and a & b (https://a.example/?x=1&y=_z_).'],
  ] as const)('on %s', (dialect, expected) => expect(render(dialect, spans)).toBe(expected));

  it('are entities on Telegram', () => {
    expect(renderers.telegram(parseMarkdown(`😀 ${spans}\n\n> quote\n\n\`\`\`js\nlet a\n\`\`\``))).toEqual({
      text: '😀 Some bold and italic, struck a<b and a & b.\n\nquote\n\nlet a',
      entities: [
        { type: 'bold', offset: 8, length: 15 },
        { type: 'italic', offset: 13, length: 10 },
        { type: 'strikethrough', offset: 25, length: 6 },
        { type: 'code', offset: 32, length: 3 },
        { type: 'text_link', url: 'https://a.example/?x=1&y=_z_', offset: 40, length: 5 },
        { type: 'blockquote', offset: 48, length: 5 },
        { type: 'pre', language: 'js', offset: 55, length: 5 },
      ],
    });
  });

  it('of a quote that is all code lie around the code on Telegram', () => {
    const { entities } = renderers.telegram(parseMarkdown('> ```\n> x\n> ```'));
    expect(entities.map(({ type }) => type)).toEqual(['blockquote', 'pre']);
  });

  it.each([
    ['slack', '这是␣*粗体*␣文字'],
    ['whatsapp', '这是␣*粗体*␣文字'],
    ['discord', '这是␣**粗体**␣文字'],
    ['xmpp', '这是粗体文字'],
  ] as const)('inside of words, on %s', (dialect, expected) => {
    expect(render(dialect, '这是**粗体**文字')).toBe(expected);
  });

  it.each([
    ['slack', '*␣no* _␣no_ snake_case 2*3 ~/path'],
    ['xmpp', '␣*no* ␣_no_ snake_case 2*3 ~/path'],
    ['discord', '\\*no\\* \\_no\\_ snake_case 2\\*3 \\~/path'],
  ] as const)('are not made of characters that mean themselves, on %s', (dialect, expected) => {
    expect(render(dialect, '\\*no\\* \\_no\\_ snake\\_case 2\\*3 \\~/path')).toBe(expected);
  });

  it('end with each line where a line is a message or a span cannot go on', () => {
    expect(render('irc', '**one\ntwo**')).toBe('\x02one\x02\n\x02two\x02');
    expect(render('slack', '**one\ntwo**')).toBe('*one*\n*two*');
  });
});

describe('blocks', () => {
  const blocks =
    '# Title\n\n1. one\n   - two\n\n     ```js\n     let a\n     ```\n2. [x] three\n\n> q\n> > r\n\n---';

  it.each([
    ['slack', '*Title*\n\n1. one\n   ◦ two\n\n```\nlet a\n```\n2. ☑ three\n\n> q\n>\n> r\n\n———'],
    ['discord', '# Title\n\n1. one\n   - two\n\n```js\nlet a\n```\n2. ☑ three\n\n> q\n>\n> r\n\n———'],
    ['xmpp', '*Title*\n\n1. one\n   ◦ two\n\n```js\nlet a\n```\n2. ☑ three\n\n> q\n>\n> > r\n\n———'],
    ['plain', 'Title\n\n1. one\n   - two\n\nlet a\n2. ☑ three\n\n> q\n>\n> > r\n\n---'],
  ] as const)('on %s', (dialect, expected) => expect(render(dialect, blocks)).toBe(expected));

  it('are aligned tables where a platform has none, by the width of the characters', () => {
    expect(render('whatsapp', table)).toBe('```\nName  Größe\n────  ─────\na         1\n日本     22\n```');
    expect(render('web', table)).toContain('<td align="left">日本</td><td align="right">22</td>');
  });

  it('are lists where a table is too wide for a chat', () => {
    const wide = `| Name | Text |\n|--|--|\n| a | ${'word '.repeat(30)}**end** |`;
    expect(render('slack', wide)).toBe(`• *Name*: a\n  *Text*: ${'word '.repeat(30)}*end*`);
  });

  it('hold no fence that would end them', () => {
    expect(render('discord', '````\n```\nx\n```\n````')).toBe('```\n`␣``\nx\n`␣``\n```');
  });
});

describe('links', () => {
  it.each(['javascript:alert(1)', 'tg://user?id=1', '!channel', '@U1', '#C1', './file', 'data:text/html,x'])(
    'lead nowhere but to the web: %s',
    (url) => {
      expect(render('slack', `[x](${url})`)).toBe(`x (${url})`);
      expect(render('web', `[x](${url})`)).toBe(`<p>x (${url})</p>`);
      expect(renderers.telegram(parseMarkdown(`[x](${url})`)).entities).toEqual([]);
    },
  );

  it('cannot break out of their notation', () => {
    expect(render('slack', '[a|b>c](<https://a.example/|x> <!here>>)')).not.toMatch(/<!/);
    expect(render('web', '[x](https://a.example/"onclick="y)')).toBe(
      '<p><a href="https://a.example/%22onclick=%22y" target="_blank" rel="noopener noreferrer nofollow ugc">x</a></p>',
    );
  });

  it('are not loaded by themselves: images are links', () => {
    expect(render('email', '![secret](https://a.example/?leak)')).toBe(
      '<p><a href="https://a.example/?leak">secret</a></p>',
    );
  });

  it('keep an @ of an address', () => {
    const { text, entities } = renderers.telegram(parseMarkdown('https://a.example/@ann'));
    expect(text).toBe('https://a.example/@ann');
    expect(entities).toMatchObject([{ type: 'text_link', url: 'https://a.example/@ann' }]);
  });
});

describe('mentions', () => {
  const everyone =
    '@everyone @here <@123> <@!123> <@&123> <!channel> <!subteam^S1> <at>Ann</at> @bob ann@a.example';

  it.each([
    [
      'slack',
      '@everyone @here &lt;@123&gt; &lt;@!123&gt; &lt;@&amp;123&gt; &lt;!channel&gt; &lt;!subteam^S1&gt; &lt;at&gt;Ann&lt;/at&gt; @bob <mailto:ann@a.example|ann@a.example>',
    ],
    [
      'discord',
      '@␣everyone @␣here <␣@123> <␣@!123> <␣@&123> <!channel> <!subteam^S1> <at>Ann</at> @bob ann@a.example',
    ],
    [
      'telegram',
      '@␣everyone @␣here <@␣123> <@␣!123> <@␣&123> <!channel> <!subteam^S1> <at>Ann</at> @␣bob ann@a.example',
    ],
  ] as const)('notify nobody on %s', (dialect, expected) => expect(render(dialect, everyone)).toBe(expected));

  it('are not put together of several spans', () => {
    expect(render('telegram', '@**bob** @`x`')).toBe('@␣bob @␣x');
    expect(render('discord', '@\u202eeveryone @&#x200b;here @e\u0301veryone')).toBe(
      '@␣everyone @␣␣here @e\u0301veryone',
    );
  });

  it('leave code as it is, where code notifies nobody', () => {
    expect(render('telegram', '```py\n@dataclass\n```\n\n`@x`')).toBe('@dataclass\n\n@x');
  });
});
