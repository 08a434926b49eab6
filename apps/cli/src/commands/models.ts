import type { CatalogModel, CatalogModels, CatalogProvider } from '@nightshift/contracts';
import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { count } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { oneLine } from '../terminal/text.ts';

interface ModelsOptions {
  live?: boolean;
  match?: string;
}

export function addModelsCommand(program: Command): void {
  program
    .command('models')
    .description('List models with prices (USD per million tokens) and context windows')
    .argument(
      '[provider]',
      'a vendor, or the name of a custom endpoint; without it those of every vendor with a key, and with --match of all',
    )
    .option('--live', "ask the provider for its own list too, with the team's key")
    .option('--match <text>', 'only those whose name has it')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift models anthropic
  $ nightshift models ollama --live
  $ nightshift models --match gpt-5`,
    )
    .action(
      withCli(async (cli, provider: string | undefined, { live = false, match = '' }: ModelsOptions) => {
        if (live && provider === undefined)
          throw new CliError(
            'usage',
            '--live asks one provider: say which, e.g. nightshift models openai --live.',
          );
        const answer = await read(cli, { provider, live, match });
        const wanted = match.toLowerCase();
        const data = answer.data.filter(({ ref }) => ref.toLowerCase().includes(wanted));
        if (answer.problem && !cli.json)
          cli.stderr.write(`The provider's own list cannot be read: ${oneLine(answer.problem)}\n`);
        const { withoutKey, ...shown } = answer;
        const missing = withoutKey.filter(({ id }) => data.some((model) => model.provider === id));
        cli.print({ ...shown, data }, () => render(cli, data, { provider, live, match }));
        if (!cli.json && missing.length > 0) cli.stderr.write(sayMissing(missing));
      }),
    );
}

interface Wanted {
  provider: string | undefined;
  live: boolean;
  match: string;
}

/** The models, and the vendors among theirs that there is no key for. */
async function read(
  cli: Cli,
  { provider, live, match }: Wanted,
): Promise<CatalogModels & { withoutKey: CatalogProvider[] }> {
  const [answer, vendors] = await Promise.all([
    cli.client.catalog.models(provider === undefined ? {} : { provider, live: String(live) }),
    cli.client.catalog.providers(),
  ]);
  const withoutKey = vendors.filter(
    ({ configured, local }) => !local && !configured.environment && configured.credentials === 0,
  );
  const unusable = new Set(withoutKey.map(({ id }) => id));
  // Whoever names a model wants to know whether it exists; a list of everything would be of no use to anybody.
  const data =
    provider === undefined && match === ''
      ? answer.data.filter((model) => !unusable.has(model.provider))
      : answer.data;
  return { ...answer, data, withoutKey };
}

function sayMissing(vendors: readonly CatalogProvider[]): string {
  const lines = vendors.slice(0, 5).map(({ id, name, env }) => {
    const variable = env[0] ? `, or set ${env[0]}` : '';
    return `  ${oneLine(name)}: nightshift providers add ${id}${variable}\n`;
  });
  const more = vendors.length > 5 ? `  and ${vendors.length - 5} more\n` : '';
  return `There is no key yet for these vendors:\n${lines.join('')}${more}`;
}

function render(cli: Cli, models: readonly CatalogModel[], { provider, live, match }: Wanted): string {
  const { style } = cli.stdout;
  if (models.length === 0) {
    const next = live
      ? 'Any model can be named all the same; its cost is then unknown.'
      : provider === undefined
        ? 'Name a vendor: nightshift models openai. All of them: nightshift providers list --all'
        : `Ask the provider itself: nightshift models ${oneLine(provider)} --live`;
    const what =
      match === '' ? 'No models are known here.' : `No known model has "${oneLine(match)}" in its name.`;
    return `${what}\n${style.dim(`${next}\n`)}`;
  }
  return table(
    models,
    [
      { header: 'MODEL', value: ({ ref }) => ref, shrinks: true },
      { header: 'INPUT', value: ({ price }) => (price ? `$${price.input}` : '-'), align: 'right' },
      { header: 'OUTPUT', value: ({ price }) => (price ? `$${price.output}` : '-'), align: 'right' },
      {
        header: 'CONTEXT',
        value: ({ contextWindow }) => (contextWindow === null ? '-' : count(contextWindow)),
        align: 'right',
      },
      { header: 'FROM', value: ({ sources }) => sources.join(', '), paint: style.dim, optional: true },
    ],
    cli.stdout,
  );
}
