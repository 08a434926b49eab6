/** Fields of a kind of channel: their values as the command line and the terminal bring them. */
import { text } from 'node:stream/consumers';
import type { CatalogChannel } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { readSecretFrom } from '../secrets.ts';
import { ask, type Checked } from '../terminal/ask.ts';

export type Field = CatalogChannel['fields'][number];

export interface FieldOptions {
  set?: string[];
  secretFromFile?: string[];
  secretsStdin?: boolean;
}

/** Null: unset. */
export type Values = Map<Field, string | number | boolean | null>;

export const withFieldOptions = (command: Command): Command =>
  command
    .option(
      '--set <field=value...>',
      'a field that is no secret, or live, guestTools, access.… as REST names them',
    )
    .addOption(
      new Option(
        '--secret-from-file <field=path...>',
        'read a secret from a file, or from stdin where the path is "-"',
      ),
    )
    .option('--secrets-stdin', 'read secrets from stdin, one field=value a line');

/** `field=value` → its parts. @throws {CliError} usage, which repeats no value: it may be a secret */
export function readPairs(lines: readonly string[]): [string, string][] {
  return lines.map((line, index) => {
    const at = line.indexOf('=');
    if (at < 1) throw new CliError('usage', `Number ${index + 1} of what was given is no field=value.`);
    return [line.slice(0, at).trim(), line.slice(at + 1)];
  });
}

/** Every field by its whole name, the optional ones in brackets. */
export const fieldNames = ({ fields }: CatalogChannel) =>
  fields.map(({ name, required }) => (required ? name : `[${name}]`));

/** @throws {CliError} usage */
export function fieldOf(entry: CatalogChannel, wanted: string): Field {
  const field = entry.fields.find(({ name }) => name === wanted);
  if (field) return field;
  const needed = entry.fields.filter(({ required }) => required).map(({ name }) => name);
  const needs = needed.length > 0 ? ` It needs ${needed.join(', ')}.` : '';
  throw new CliError(
    'usage',
    `${entry.name} has no field ${wanted}.${needs}`,
    `Fields: ${fieldNames(entry).join(', ')}`,
  );
}

/** A value as the body of a request holds it, where the catalogue does not rule it out. The server has the last word. */
export function checkValue(field: Field, line: string): Checked<string | number | boolean> {
  const { type, choices = [], pattern, expects, min, max } = field;
  switch (type) {
    case 'number': {
      const isWhole = /^\d+$/.test(line);
      const value = Number(line);
      const fits = isWhole && value >= (min ?? 0) && value <= (max ?? Number.MAX_SAFE_INTEGER);
      if (fits) return { value };
      return {
        problem: min === undefined ? 'It is a whole number.' : `It is a whole number from ${min} to ${max}.`,
      };
    }
    case 'boolean':
      return line === 'true' || line === 'false'
        ? { value: line === 'true' }
        : { problem: 'It is true or false.' };
    case 'choice':
      return choices.some(({ value }) => value === line)
        ? { value: line }
        : { problem: `It is one of ${choices.map(({ value }) => value).join(', ')}.` };
    case 'url':
      return /^https?:$/.test(URL.parse(line)?.protocol ?? '')
        ? { value: line }
        : { problem: 'It is an address that begins with http:// or https://.' };
    case 'text':
      return pattern === undefined || new RegExp(pattern, 'iu').test(line.slice(0, maxChecked))
        ? { value: line }
        : { problem: sentence(expects ?? 'It has another form.') };
  }
}

/** What is longer is looked at by the server. */
const maxChecked = 10_000;

/** Schemas say "must be …" and "It is …". */
const sentence = (words: string) =>
  words.startsWith('must') ? `It ${words}${words.endsWith('.') ? '' : '.'}` : words;

/** @throws {CliError} usage, which names the field and never the value */
function takeValue(field: Field, line: string): string | number | boolean {
  const checked = checkValue(field, line.trim());
  if ('value' in checked) return checked.value;
  throw new CliError('usage', `${field.name} does not fit. ${checked.problem}`, field.help);
}

/**
 * What the options give: the fields of the kind, and what is left of `--set`.
 * @throws {CliError} usage: a secret among the arguments, an unknown field, a value that cannot be
 */
export async function readFieldOptions(
  entry: CatalogChannel,
  { set = [], secretFromFile = [], secretsStdin = false }: FieldOptions,
): Promise<{ values: Values; others: [string, string][] }> {
  const values: Values = new Map();
  const others: [string, string][] = [];
  for (const [name, value] of readPairs(set)) {
    if (/^(live|guestTools|access\..+)$/.test(name)) {
      others.push([name, value]);
      continue;
    }
    const field = fieldOf(entry, name);
    if (field.secret) {
      throw new CliError(
        'usage',
        `${name} is a secret, and others on this machine can read arguments, which shells keep as well.`,
        `Leave it out to be asked for it, or: --secret-from-file ${name}=<path>. If that was the real one, replace it.`,
      );
    }
    values.set(field, takeValue(field, value));
  }
  const files = readPairs(secretFromFile);
  if (files.filter(([, path]) => path === '-').length + (secretsStdin ? 1 : 0) > 1)
    throw new CliError('usage', 'Only one secret can be all of stdin.', 'Use --secrets-stdin for several.');
  for (const [name, path] of files) {
    const field = fieldOf(entry, name);
    values.set(field, takeValue(field, await readSecretFrom(path)));
  }
  if (secretsStdin) {
    const lines = (await text(process.stdin)).split('\n').filter((line) => line.trim());
    for (const [name, value] of readPairs(lines)) {
      const field = fieldOf(entry, name);
      values.set(field, takeValue(field, value));
    }
  }
  return { values, others };
}

/** Whether questions can be asked: stdin is a person, and not the secrets themselves. */
export const canAsk = ({ secretsStdin, secretFromFile = [] }: FieldOptions) =>
  process.stdin.isTTY && !secretsStdin && !secretFromFile.some((pair) => pair.endsWith('=-'));

/** Undefined: nothing was typed, and nothing has to be. @throws {CliError} interrupted */
export async function askField(
  { stderr }: Cli,
  field: Field,
): Promise<string | number | boolean | undefined> {
  const { name, label, secret, required, type, choices = [], placeholder, help } = field;
  const hints = [
    ...(secret ? ['not shown'] : []),
    ...(type === 'choice' ? [choices.map(({ value }) => value).join(' | ')] : []),
    ...(placeholder && !secret ? [`e.g. ${placeholder}`] : []),
    ...(required ? [] : ['empty for none']),
  ];
  stderr.write(`${stderr.style.dim(help)}\n`);
  return ask(`${label} [${name}]${hints.length > 0 ? ` (${hints.join(', ')})` : ''}: `, {
    terminal: stderr,
    secret,
    check: (line): Checked<string | number | boolean | undefined> => {
      if (line !== '') return checkValue(field, line);
      return required ? { problem: 'It is needed.' } : { value: undefined };
    },
  });
}

/** The two parts of a body that the values make. */
export function partsOf(values: Values) {
  const part = (wanted: Field['in']) =>
    Object.fromEntries(
      [...values].filter(([field]) => field.in === wanted).map(([field, value]) => [field.name, value]),
    );
  return { credentials: part('credentials'), settings: part('settings') };
}
