/** What makes readers and writers of Markdown do the most work: each repeated as often as a length takes. */

/** Every one is a shape by itself, and may be mixed with others. */
export const pumps: Readonly<Record<string, string>> = {
  'code between marks that are not parsed': '`a`]]',
  'escapes between marks that are not parsed': '\\*]]',
  'links that are not parsed': '[a](http://x.y) ',
  'addresses between marks that are not parsed': 'http://a.b **',
  'code in backticks': '` ` ',
  'backticks of growing length': '`a``b```c````d`````e',
  backticks: '`',
  'fences in lines': '```\na\n',
  'opening brackets': '[',
  'closing brackets': ']',
  'nested brackets': '[[a](',
  'brackets and targets': '[a](<b',
  labels: '[a] ',
  'images without an end': '![',
  'images in images': '![a](b) ',
  links: '[a](https://a.example/b) ',
  'link in emphasis': '*[a*](b) ',
  'stars and underscores': '*a_ ',
  stars: '*',
  'stars apart': '* a ',
  'stars at words': '*a **a ',
  'strong in emphasis': '**x *y ',
  underscores: '_',
  'underscores in words': 'a_b',
  'underscores at words': '_a ',
  tildes: '~',
  'tildes at words': '~a ~~b ',
  'pairs of tildes': '~~a~~ ',
  'less than': '<',
  'greater than': '>',
  'tags that do not end': '<a b="',
  'comments that do not end': '<!-- ',
  'instructions that do not end': '<?a ',
  'declarations that do not end': '<![CDATA[',
  ampersands: '&',
  'entities that do not end': '&amp',
  entities: '&#38;&lt; ',
  'quotes in quotes': '> ',
  'quotes in lines': '> a\n',
  'quotes on and off': '> a\n\nb\n\n',
  'lazy lines': '> a\nb\n',
  'items in items': '- ',
  'items in lines': '- a\n',
  'items with blank lines': '- a\n\n',
  'numbers in numbers': '1. ',
  'numbered items': '1. a\n',
  'tasks in lines': '- [ ] a\n',
  'items that go deeper': '- a\n  - b\n    - c\n',
  'bars in one line': '|',
  'cells in one line': '|a',
  'rows without an end': '| a | b |\n',
  'rows and underlines': '|a|\n|-|\n',
  'bars in lines': '|\n',
  'dashes in one line': '-',
  'underlines of headings': 'a\n=\n',
  'dashes under lines': 'a\n-\n',
  'dashes in lines': '-\n',
  headings: '# a\n',
  hashes: '#',
  definitions: '[a]: b\n',
  'definitions that do not end': '[a]: "\n',
  'definitions in one line': '[a]: b ',
  footnotes: '[^a] [^a]: b\n',
  'addresses that begin': 'www.',
  'addresses with slashes': 'https://a.example/',
  'schemes that begin': 'http://',
  mails: 'a@b.',
  'at signs': '@',
  'at signs before words': '@everyone ',
  'brackets around an address': '<https://a',
  parentheses: '(',
  'closing parentheses': 'https://a.b/) ',
  backslashes: '\\',
  'escaped characters': '\\*',
  'line breaks': '\n',
  'white space and line breaks': ' \t\n',
  'white space': ' ',
  tabs: '\t',
  'white space after words': 'a  \n',
  'lines of one letter': 'a\n',
  'paragraphs of one letter': 'a\n\n',
  'one word': 'a',
  words: 'word ',
  sentences: 'A sentence. ',
  'indented lines': '    a\n',
  emoji: '😀',
  'joined emoji': '👩‍',
  'combining marks': '\u0301',
  'letters with combining marks': 'e\u0301',
  'invisible characters': '\u200b',
  'variation selectors': '\ufe0f',
  'bidirectional controls': '\u202e',
  'control characters': '\x02',
  flags: '🇩',
  'halves of pairs': '\ud83d',
  'breaks as tags': '<br>',
  'carriage returns': '\r',
  'form feeds': '\f',
  dots: '.',
  'full stops of Asia': '。',
};

export const repeated = (pump: string, length: number): string =>
  pump.repeat(Math.ceil(length / pump.length)).slice(0, length);

/** Shapes whose parts grow, or that need something before. */
export const grown: Readonly<Record<string, (length: number) => string>> = {
  'quotes that go deeper in each line': (length) => deeper('> ', length),
  'items that go deeper in each line': (length) => deeper('  ', length, '- a'),
  'runs of backticks, each longer than the one before': (length) => deeper('`', length, ' '),
  'runs of tildes, each longer than the one before': (length) => deeper('~', length, ' '),
  'one cell and many rows': (length) => `|a|\n|-|\n${repeated('|b|\n', length)}`,
  'many columns': (length) => {
    const columns = Math.ceil(length / 6);
    return `|${'a|'.repeat(columns)}\n|${'-|'.repeat(columns)}\n|${'b|'.repeat(columns)}`;
  },
  'as many rows as columns': (length) => {
    const count = Math.ceil(Math.sqrt(length / 2));
    const row = (cell: string) => `|${`${cell}|`.repeat(count)}\n`;
    return row('a') + row('-') + row('b').repeat(count);
  },
  'few cells in a wide table': (length) => {
    const columns = Math.ceil(Math.sqrt(length));
    return `|${'a|'.repeat(columns)}\n|${'-|'.repeat(columns)}\n${repeated('|\n', length)}`;
  },
  'references to one long address': (length) =>
    `[a]: https://a.example/${'b'.repeat(length / 2)}\n\n${repeated('[a] ', length / 2)}`,
  'many definitions and as many references': (length) => {
    const names = Array.from({ length: Math.ceil(length / 20) }, (_, index) => `n${index}`);
    return `${names.map((name) => `[${name}]: u`).join('\n')}\n\n${names.map((name) => `[${name}]`).join(' ')}`;
  },
  'code with many lines': (length) => `\`\`\`js\n${repeated('a\n', length)}`,
  'code of blank lines': (length) => `\`\`\`\n${repeated('\n', length)}`,
  'code of white space': (length) => `\`\`\`\n${repeated(' ', length)}\na`,
  'code of backticks': (length) => `~~~\n${repeated('```', length)}`,
  'a heading of words': (length) => `# ${repeated('word ', length)}`,
  'a quote of words': (length) => `> ${repeated('word ', length)}`,
  'an item of words': (length) => `- ${repeated('word *a* ', length)}`,
  'a link with a long label': (length) => `[${repeated('word ', length)}](https://a.example)`,
  'strong words': (length) => `**${repeated('word ', length)}**`,
  'a line of spaces before a letter': (length) => `a${' '.repeat(length)}b`,
  'an open label': (length) => `[${repeated('a ', length)}`,
  'a target that does not end': (length) => `[a](${repeated('b', length)}`,
};

function deeper(step: string, length: number, end = 'a'): string {
  const lines = Math.max(1, Math.floor(Math.sqrt((2 * length) / step.length)));
  return Array.from({ length: lines }, (_, index) => step.repeat(index + 1) + end).join('\n');
}

/** Every shape by its name: a text of about so many UTF-16 code units. */
export const shapes: readonly (readonly [name: string, text: (length: number) => string])[] = [
  ...Object.entries(pumps).map(([name, pump]) => [name, (length: number) => repeated(pump, length)] as const),
  ...Object.entries(grown),
];
