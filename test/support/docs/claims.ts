/** What documents say that can be typed or sent, held against the command line, the API and the environment. */
import type { CatalogChannel } from '@nightshift/contracts';
import type { Command, Option } from 'commander';
import { readShell, type ShellCommand } from './shell.ts';

export interface Product {
  program: Command;
  /** Of package.json. */
  scripts: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: an OpenAPI document
  openapi: any;
  channels: readonly CatalogChannel[];
  /** Every variable that a process of ours reads. */
  variables: ReadonlySet<string>;
}

/** Stands for something that the reader knows: `ID`, `<path>`, `$ID`, `…`. */
const isPlaceholder = (word: string) => /^[A-Z][A-Z_-]*$|[<$…]/.test(word);

/** The problems of a document, and how many claims were looked at. */
export function checkDocument(markdown: string, product: Product): { claims: number; problems: string[] } {
  const problems: string[] = [];
  let claims = 0;
  const fence = /^( *)```(\w*)\n([\s\S]*?)^\1```$/gm;
  const check = (what: string, found: string[]) => {
    claims++;
    problems.push(...found.map((problem) => `${what.replaceAll(/\s+/g, ' ').slice(0, 120)}: ${problem}`));
  };
  for (const [, indent, language, body] of markdown.matchAll(fence)) {
    if (language !== 'sh') continue;
    for (const command of readShell(body!.replaceAll(new RegExp(`^${indent}`, 'gm'), '')))
      check(command.words.join(' '), checkCommand(command, product, { whole: true }));
  }
  for (const [, span] of markdown.replace(fence, '').matchAll(/`([^`\n]+)`/g)) {
    if (/^(nightshift|npx|npm|[A-Z][A-Z0-9_]+=\S+ (npm|nightshift)) /.test(span!)) {
      for (const command of readShell(span!)) check(span!, checkCommand(command, product, { whole: false }));
    } else if (/^[A-Z][A-Z0-9_]{2,}=/.test(span!)) {
      check(span!, checkVariables([span!], product));
    } else if (/^--[\w-]+/.test(span!)) {
      check(span!, checkFlag(span!, product));
    } else if (/^((GET|POST|PUT|PATCH|DELETE) )?\/(v1|openai)\//.test(span!)) {
      const [, method, path, body] = /^(?:(\w+) )?(\S+)(?: (.*))?$/.exec(span!)!;
      check(span!, checkCall({ method, path: path!, body }, product));
    }
  }
  return { claims, problems };
}

function checkCommand(
  { assignments, words, stdin }: ShellCommand,
  product: Product,
  { whole }: { whole: boolean },
): string[] {
  const [name, ...rest] = words;
  if (name === undefined) return [];
  if (name === 'curl') return checkCurl(rest, stdin, product);
  const problems = ['npm', 'npx', 'nightshift', 'node'].includes(name)
    ? checkVariables(assignments, product)
    : [];
  if (name === 'nightshift') return [...problems, ...checkCli(rest, product, whole)];
  if (name === 'npx' && rest[0] === 'nightshift')
    return [...problems, ...checkCli(rest.slice(1), product, whole)];
  if (name === 'node' && rest[0] === 'scripts/nightshift.mjs')
    return [...problems, ...checkCli(rest.slice(1), product, whole)];
  if (name !== 'npm') return problems;
  const at = rest.findIndex((word) => !word.startsWith('-'));
  const [verb, ...args] = rest.slice(at);
  if (verb === 'run') {
    const script = args.find((word) => !word.startsWith('-'));
    if (script === undefined || !product.scripts.includes(script))
      problems.push(`there is no script ${script}`);
    if (script === 'nightshift') {
      const separator = args.indexOf('--');
      // npm would take the options for its own.
      if (separator === -1 && args.length > 1) problems.push('npm needs "--" before the arguments');
      return [...problems, ...checkCli(args.slice(separator + 1), product, whole)];
    }
  } else if (!['start', 'test', 'ci', 'config', 'install'].includes(verb ?? ''))
    problems.push(`npm has no ${verb}`);
  return problems;
}

const checkVariables = (assignments: readonly string[], { variables }: Product) =>
  assignments
    .map((assignment) => assignment.split('=', 1)[0]!)
    .filter((name) => !variables.has(name))
    .map((name) => `nothing reads the variable ${name}`);

const commandsOf = (command: Command): Command[] => [command, ...command.commands.flatMap(commandsOf)];
const optionsOf = (command: Command): Option[] =>
  [...command.options, ...(command.parent ? optionsOf(command.parent) : [])].filter(({ hidden }) => !hidden);

/** Of npm scripts, of npm itself, and of other programs that the documents speak of (vLLM, Telegram's Bot API server). */
const otherFlags = new Set([
  ...['--workers', '--check', '--accept', '--rolled-back', '--help'],
  ...['--reasoning-parser', '--local'],
]);

function checkFlag(span: string, { program }: Product): string[] {
  const [flag, value] = span.split(/[ =]/);
  if (otherFlags.has(flag!)) return [];
  const known = commandsOf(program)
    .flatMap(optionsOf)
    .filter(({ long }) => long === flag);
  if (known.length === 0) return [`no command has ${flag}`];
  return value && known.every((option) => option.isBoolean()) ? [`${flag} takes no value`] : [];
}

function checkCli(words: readonly string[], product: Product, whole: boolean): string[] {
  let command = product.program;
  let at = 0;
  for (; at < words.length; at++) {
    const next = command.commands.find((each) => each.name() === words[at]);
    if (!next) break;
    command = next;
  }
  if (
    command.commands.length > 0 &&
    words[at] !== undefined &&
    !words[at]!.startsWith('-') &&
    !isPlaceholder(words[at]!)
  )
    return [`there is no command ${words.slice(0, at + 1).join(' ')}`];
  const problems: string[] = [];
  const positional: string[] = [];
  const values = new Map<string, string[]>();
  for (; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith('--') && !/^-[a-zA-Z]$/.test(word)) {
      if (word !== '…') positional.push(word);
      continue;
    }
    const [flag, attached] = word.split('=', 2);
    const option = [...optionsOf(command)].find(({ long, short }) => long === flag || short === flag);
    if (!option) {
      if (!['--help', '-h', '--version'].includes(word)) problems.push(`there is no option ${word}`);
      continue;
    }
    if (option.isBoolean()) continue;
    const given = attached === undefined ? [] : [attached];
    while (given.length === 0 || option.variadic) {
      const next = words[at + 1];
      if (next === undefined || (next.startsWith('-') && next !== '-')) break;
      given.push(next);
      at++;
    }
    if (given.length === 0) problems.push(`${flag} lacks its value`);
    for (const value of given)
      if (option.argChoices && !option.argChoices.includes(value) && !isPlaceholder(value))
        problems.push(`${flag} does not take ${value}`);
    values.set(option.long!, [...(values.get(option.long!) ?? []), ...given]);
  }
  const args = command.registeredArguments;
  if (positional.length > args.length && !args.some(({ variadic }) => variadic))
    problems.push(`${positional.slice(args.length).join(' ')} is one argument too many`);
  if (whole && positional.length < args.filter(({ required }) => required).length)
    problems.push('an argument is missing');
  if (command.parent?.name() === 'channels' && ['add', 'update'].includes(command.name()))
    problems.push(...checkFields(positional[0], values, product));
  return problems;
}

/** Fields of `--set`, `--unset` and `--secret-from-file`. */
function checkFields(
  wanted: string | undefined,
  values: ReadonlyMap<string, string[]>,
  { channels }: Product,
): string[] {
  const kinds = channels.filter(({ slug, name }) =>
    [slug, name.toLowerCase()].includes((wanted ?? '').toLowerCase()),
  );
  const fields = (kinds.length > 0 ? kinds : channels).flatMap((kind) => kind.fields);
  const others =
    /^(live|guestTools|routes|access\.(strangers|people|groups\.(answer|open)|programs|limits\.(programTurns|messagesPerMinute)))$/;
  return ['--set', '--unset', '--secret-from-file'].flatMap((option) =>
    (values.get(option) ?? [])
      .map((pair) => pair.split('=', 1)[0]!)
      .filter((name) => !isPlaceholder(name))
      .flatMap((name) => {
        const field = fields.find((each) => each.name === name);
        if (!field)
          return option !== '--secret-from-file' && others.test(name)
            ? []
            : [`${wanted} has no field ${name}`];
        if (option === '--set' && field.secret) return [`${name} is a secret, which --set refuses`];
        return option === '--secret-from-file' && !field.secret ? [`${name} is no secret`] : [];
      }),
  );
}

function checkCurl(words: readonly string[], stdin: string | undefined, product: Product): string[] {
  let method: string | undefined;
  let body: string | undefined;
  let path: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '-X' || word === '--request') method = words[++at];
    else if (['-d', '--data', '--json'].includes(word)) body = words[++at];
    else if (['-H', '-o', '-u'].includes(word)) at++;
    else if (!word.startsWith('-')) path = word;
  }
  const ours =
    /^(?:https?:\/\/)?(?:\$URL|\$\{?URL\}?|localhost(?::\d+)?|127\.0\.0\.1(?::\d+)?|agents\.example\.com)(\/.*)$/.exec(
      path ?? '',
    );
  if (!ours) return path?.includes('example.com') ? [] : [`${path} is not known to be this server`];
  if (body?.startsWith('@-')) body = stdin ?? '';
  return checkCall(
    { method: method ?? (body === undefined ? 'GET' : 'POST'), path: ours[1]!, body },
    product,
  );
}

interface Call {
  /** Undefined: any. */
  method: string | undefined;
  path: string;
  body: string | undefined;
}

function checkCall({ method, path, body }: Call, product: Product): string[] {
  const [pathname, query = ''] = path.split('?', 2) as [string, string?];
  const segments = pathname.replace(/[/]$/, '').split('/');
  const matches = Object.keys(product.openapi.paths).filter((template) => {
    const parts = template.split('/');
    return (
      (parts.length === segments.length || parts.at(-1) === '*') &&
      parts.every((part, at) =>
        part.startsWith('{') ? isParameter(segments[at]!) : part === '*' || part === segments[at],
      )
    );
  });
  const operations = matches
    .sort((a, b) => a.split('{').length - b.split('{').length)
    .map((template) => product.openapi.paths[template])
    .filter((item) => method === undefined || item[method.toLowerCase()]);
  // The beginning of several calls, as in `/openai/v1`.
  const isPrefix = Object.keys(product.openapi.paths).some((template) =>
    template.startsWith(`${segments.join('/')}/`),
  );
  if (method === undefined && operations.length === 0 && isPrefix) return [];
  if (operations.length === 0) return [`there is no ${method ?? 'call'} ${pathname}`];
  const operation =
    method === undefined ? Object.values(operations[0])[0] : operations[0][method.toLowerCase()];
  const names = (operation.parameters ?? [])
    .filter((each: { in: string }) => each.in === 'query')
    .map((each: { name: string }) => each.name);
  const unknown = query
    .split('&')
    .map((pair) => pair.split('=', 1)[0]!)
    .filter((name) => name !== '' && name !== '…' && !names.includes(name))
    .map((name) => `${pathname} takes no ${name}`);
  return [...unknown, ...(body === undefined ? [] : checkBody(body, operation, product))];
}

const isParameter = (segment: string) => /^[:{$]|^[0-9a-f-]{8,}$|…|^[A-Z_]+$|^[a-z]+$/.test(segment);

// biome-ignore lint/suspicious/noExplicitAny: an OpenAPI operation
function checkBody(text: string, operation: any, product: Product): string[] {
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  if (!schema) return ['it takes no body'];
  const complete = text
    .replaceAll(/([{[])\s*…\s*([}\]])/g, '$1$2')
    .replaceAll(/,\s*…/g, '')
    // `{"code"}` names a field without a value.
    .replace(/^\{\s*"\w+"(?:\s*,\s*"\w+")*\s*\}$/, (names) => names.replaceAll(/"\w+"/g, '$&: null'));
  let body: unknown;
  try {
    body = JSON.parse(complete);
  } catch {
    return [`the body is no JSON: ${text.slice(0, 60)}`];
  }
  return [
    ...unknownFields(body, schema, '', product),
    ...(text.includes('"kind"') || text.includes('"settings"') || text.includes('"credentials"')
      ? channelFields(body, product)
      : []),
  ];
}

function channelFields(body: unknown, { channels }: Product): string[] {
  const { kind, ...parts } = body as { kind?: string; credentials?: object; settings?: object };
  const entries = channels.filter(({ slug }) => kind === undefined || slug === kind);
  if (entries.length === 0) return [`there is no kind ${kind}`];
  return (['credentials', 'settings'] as const).flatMap((part) =>
    Object.keys(parts[part] ?? {})
      .filter(
        (name) =>
          !entries.some(({ fields }) => fields.some((field) => field.in === part && field.name === name)),
      )
      .map((name) => `${part} of ${kind ?? 'any kind'} have no ${name}`),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: a JSON schema
function unknownFields(value: unknown, given: any, path: string, product: Product): string[] {
  const schema = given?.$ref
    ? given.$ref
        .slice(2)
        .split('/')
        .reduce((at: never, key: string) => at?.[key], product.openapi)
    : given;
  const choices = schema?.anyOf ?? schema?.oneOf;
  if (choices) {
    const results = choices.map((choice: object) => unknownFields(value, choice, path, product));
    return results.reduce((best: string[], each: string[]) => (each.length < best.length ? each : best));
  }
  if (Array.isArray(value))
    return value.flatMap((item, at) => unknownFields(item, schema?.items, `${path}.${at}`, product));
  if (value === null || typeof value !== 'object') return schema?.properties ? [`${path} is an object`] : [];
  if (!schema || (!schema.properties && !schema.allOf))
    return schema?.type && schema.type !== 'object' ? [`${path} is no object`] : [];
  const properties = Object.assign(
    {},
    schema.properties,
    ...(schema.allOf ?? []).map((each: { properties: object }) => each.properties),
  );
  return Object.entries(value).flatMap(([name, inner]) => {
    if (!(name in properties))
      return schema.additionalProperties ? [] : [`there is no field ${`${path}.${name}`.slice(1)}`];
    return inner === null ? [] : unknownFields(inner, properties[name], `${path}.${name}`, product);
  });
}
