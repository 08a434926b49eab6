/** Vendors and keys, for people. */
import type { CatalogProvider, Credential } from '@nightshift/contracts';
import { ago } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { oneLine } from '../terminal/text.ts';

const hasKey = ({ configured }: CatalogProvider) => configured.credentials > 0 || configured.environment;

export function renderProviders(
  stdout: Terminal,
  catalog: readonly CatalogProvider[],
  credentials: readonly Credential[],
  { all }: { all: boolean },
): string {
  const { style } = stdout;
  const callable = catalog.filter(({ wires }) => !wires.includes('demo'));
  const shown = all ? callable : callable.filter(hasKey);
  const others = callable.length - shown.length;
  const more = others === 0 ? '' : style.dim(`${others} more vendors: nightshift providers list --all\n`);
  if (shown.length === 0) {
    return `There is no model key yet: agents answer with the built-in demo.\nStore one: nightshift providers add openai\n${more}`;
  }
  const vendors = table(
    shown,
    [
      { header: 'VENDOR', value: ({ id }) => id },
      {
        header: 'KEY',
        value: ({ configured: { credentials: stored, environment } }) =>
          [stored > 0 && `${stored} stored`, environment && 'environment'].filter(Boolean).join(', ') || '-',
        paint: (text) => (text.trim() === '-' ? style.dim(text) : style.green(text)),
      },
      { header: 'DEFAULT MODEL', value: ({ defaultModel }) => defaultModel ?? '-', shrinks: true },
      { header: 'VARIABLE', value: ({ env }) => env[0] ?? '-', shrinks: true, optional: true },
    ],
    stdout,
  );
  const stored = credentials.length === 0 ? '' : `\n${renderCredentials(stdout, credentials)}`;
  return `${vendors}${more}${stored}`;
}

function renderCredentials(stdout: Terminal, credentials: readonly Credential[]): string {
  const { style } = stdout;
  const keys = table(
    credentials,
    [
      { header: 'STORED FOR', value: ({ name, provider }) => name ?? provider, shrinks: true },
      { header: 'LABEL', value: ({ label }) => label, shrinks: true },
      { header: 'KEY', value: ({ apiKey }) => (apiKey.set ? `…${apiKey.last4 ?? ''}` : 'none') },
      { header: 'WEIGHT', value: ({ weight }) => String(weight), align: 'right', optional: true },
      {
        header: 'HEALTH',
        value: ({ health }) => health.status,
        paint: (text, { health: { status } }) =>
          status === 'ok' ? style.green(text) : status === 'unknown' ? style.dim(text) : style.red(text),
      },
      { header: 'USED', value: ({ lastUsedAt }) => ago(lastUsedAt) },
      { header: 'ID', value: ({ id }) => id, paint: style.dim },
    ],
    stdout,
  );
  const problems = credentials.flatMap(({ label, name, provider, health: { problem, until } }) =>
    problem === null
      ? []
      : `${style.red('✗')} ${oneLine(label)} of ${oneLine(name ?? provider)}: ${oneLine(problem)}${until ? style.dim(` (until ${until})`) : ''}\n`,
  );
  return keys + problems.join('');
}
