import type { CatalogModel, CatalogModels } from '@nightshift/contracts';
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
      'a vendor, or the name of a custom endpoint; without it those of every vendor with a key',
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
        const answer = await read(cli, provider, live);
        const wanted = match.toLowerCase();
        const data = answer.data.filter(({ ref }) => ref.toLowerCase().includes(wanted));
        if (answer.problem && !cli.json)
          cli.stderr.write(`The provider's own list cannot be read: ${oneLine(answer.problem)}\n`);
        cli.print({ ...answer, data }, () => render(cli, data, provider, live));
      }),
    );
}

async function read(cli: Cli, provider: string | undefined, live: boolean): Promise<CatalogModels> {
  if (provider !== undefined) return cli.client.catalog.models({ provider, live: String(live) });
  const [{ data }, vendors] = await Promise.all([
    cli.client.catalog.models(),
    cli.client.catalog.providers(),
  ]);
  const withKey = new Set(
    vendors
      .filter(({ configured }) => configured.environment || configured.credentials > 0)
      .map(({ id }) => id),
  );
  return { data: data.filter((model) => withKey.has(model.provider)), problem: null };
}

function render(
  cli: Cli,
  models: readonly CatalogModel[],
  provider: string | undefined,
  live: boolean,
): string {
  const { style } = cli.stdout;
  if (models.length === 0) {
    const next = live
      ? 'Any model can be named all the same; its cost is then unknown.'
      : provider === undefined
        ? 'Name a vendor: nightshift models openai. All of them: nightshift providers list --all'
        : `Ask the provider itself: nightshift models ${oneLine(provider)} --live`;
    return `No models are known here.\n${style.dim(`${next}\n`)}`;
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
