/**
 * Texts on which a regular expression does the most work that we can think of, made from its own parts: runs of what it
 * repeats behind what leads there, runs of its beginnings, and both before something that it does not take.
 */
import { type AST, RegExpParser, visitRegExpAST } from '@eslint-community/regexpp';

export interface Attack {
  readonly lead: string;
  /** Repeated to the length that is asked for. */
  readonly pump: string;
  readonly end: string;
}

export function attackText({ lead, pump, end }: Attack, length: number): string {
  return lead + pump.repeat(Math.ceil(length / pump.length)) + end;
}

/** A repetition with a bound above this is as long as it likes. */
const long = 20;

/** Of each class at most so many members are tried. */
const mostMembers = 4;

/** What most patterns cannot go on with. */
const ends = ['', '\0', '\n', '!'];

const candidates = [
  ...'aZ0_- \t\n\r.,:;!?@#/\\*~`\'"()[]{}<>|=+&%$^é日\0\x01\u0301\u200b\ufe0f\u2028😀',
  ...'bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY123456789',
];

export function attacksOn(source: string, flags: string): Attack[] {
  const pattern = new RegExpParser().parsePattern(source, 0, source.length, {
    unicode: flags.includes('u'),
    unicodeSets: flags.includes('v'),
  });
  const members = membersIn(flags);
  const attacks = new Map<string, Attack>();
  const add = (lead: string, pump: string, stops: readonly string[] = []) => {
    if (pump === '') return;
    for (const end of [...ends, ...stops]) attacks.set([lead, pump, end].join('\v'), { lead, pump, end });
  };
  const repeated: string[] = [];
  const literal: string[] = [];
  visitRegExpAST(pattern, {
    onQuantifierEnter(quantifier) {
      if (quantifier.max < long) return;
      const lead = sampleBefore(quantifier, members);
      const stops = othersThan(quantifier.element, members);
      for (const pump of samples(quantifier.element, members)) {
        repeated.push(pump);
        add(lead, pump, stops);
        add('', pump, stops);
        add(lead, lead + pump, stops);
        add(lead, pump + lead, stops);
        if (flags.includes('m')) add('', `\n${lead}${pump}`, stops);
      }
    },
    onCharacterEnter({ value }) {
      const character = String.fromCodePoint(value);
      add('', character);
      literal.push(character);
    },
  });
  for (const alternative of pattern.alternatives) {
    const whole = samples(alternative, members)[0] ?? '';
    for (let end = 1; end <= Math.min(whole.length, 12); end += 1) add('', whole.slice(0, end));
    add('', whole.slice(0, -1));
    add('', whole);
  }
  const distinct = [...new Set([...interesting(literal), ...repeated])].slice(0, 8);
  for (const first of distinct) for (const second of distinct) if (first !== second) add('', first + second);
  return [...attacks.values()];
}

/** Signs are what patterns turn on; of letters there are many, and they are alike. */
function interesting(literals: readonly string[]): string[] {
  return [...new Set(literals)].filter((character) => !/[a-z0-9]/i.test(character)).slice(0, 6);
}

/** Characters that end a run of an element. */
function othersThan(element: AST.Node, members: Members): string[] {
  if (element.type !== 'CharacterClass' && element.type !== 'CharacterSet' && element.type !== 'Character')
    return [];
  const taken = new Set(members(element, candidates.length));
  return candidates.filter((character) => !taken.has(character)).slice(0, 2);
}

type Members = (element: AST.Node, most?: number) => string[];

/** Characters that one class or character of a pattern takes. */
function membersIn(flags: string): Members {
  const known = new Map<string, string[]>();
  const matching = flags.replace(/[gy]/g, '');
  return ({ raw }, most = mostMembers) => {
    const found = known.get(raw);
    if (found) return found.slice(0, most);
    const pattern = new RegExp(`^${raw}$`, matching.replace('m', ''));
    const taken = candidates.filter((character) => pattern.test(character));
    known.set(raw, taken);
    return taken.slice(0, most);
  };
}

/** Short texts that a part of a pattern takes; assertions and references are taken for nothing. */
function samples(node: AST.Node, members: Members): string[] {
  switch (node.type) {
    case 'Character':
      return [String.fromCodePoint(node.value)];
    case 'CharacterClass':
    case 'CharacterSet':
    case 'ExpressionCharacterClass':
      return members(node);
    case 'Quantifier': {
      const one = samples(node.element, members);
      return one.map((text) => text.repeat(Math.max(node.min, node.max > 0 ? 1 : 0)));
    }
    case 'Pattern':
    case 'Group':
    case 'CapturingGroup':
      return node.alternatives.flatMap((alternative) => samples(alternative, members)).slice(0, 12);
    case 'Alternative': {
      const parts = node.elements.map((element) => samples(element, members));
      const count = Math.max(1, ...parts.map((some) => some.length));
      return Array.from({ length: Math.min(count, mostMembers) }, (_, index) =>
        parts.map((some) => some[index % Math.max(1, some.length)] ?? '').join(''),
      );
    }
    default:
      return [''];
  }
}

/** The shortest text that leads to a part of a pattern. */
function sampleBefore(node: AST.Node, members: Members): string {
  let lead = '';
  for (let at: AST.Node = node; at.parent; at = at.parent) {
    if (at.parent.type !== 'Alternative') continue;
    const index = at.parent.elements.indexOf(at as AST.Element);
    const before = at.parent.elements.slice(0, index);
    lead = before.map((element) => samples(element, members)[0] ?? '').join('') + lead;
  }
  return lead;
}
