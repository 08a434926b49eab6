import { text as readAll } from 'node:stream/consumers';
import type { CatalogProvider, Credential } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { pick, takeAll, wholePages } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { readSecret } from '../terminal/read-secret.ts';
import { table } from '../terminal/table.ts';
import { oneLine } from '../terminal/text.ts';

interface AddOptions {
  label?: string;
  name?: string;
  baseUrl?: string;
  apiKeyStdin?: boolean;
}

export function addProviderCommands(program: Command): void {
  const providers = program
    .command('providers')
    .description('Model vendors and their keys: list, add, remove');

  providers
    .command('list')
    .description('List the vendors and the keys that are stored for them')
    .addHelpText('after', '\nExample:\n  $ nightshift providers list')
    .action(
      withCli(async (cli) => {
        const [catalog, credentials] = await Promise.all([
          cli.client.catalog.providers(),
          takeAll(cli.client.providerCredentials.list(wholePages)),
        ]);
        cli.print({ providers: catalog, credentials }, () => renderProviders(cli, catalog, credentials));
      }),
    );

  providers
    .command('add')
    .description('Store a model key. It is asked for without echo, or read from stdin')
    .argument('<provider>', 'a vendor of "nightshift providers list"')
    .option('--label <label>', 'tells several keys of one vendor apart')
    .option('--name <name>', 'openai-compatible and anthropic-compatible: models are addressed as name/model')
    .option('--base-url <url>', 'where the endpoint is, if not at the vendor')
    .addOption(new Option('--api-key-stdin', 'read the key from stdin'))
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift providers add openai
  $ pass show anthropic | nightshift providers add anthropic --api-key-stdin
  $ nightshift providers add openai-compatible --name lab --base-url http://10.0.0.5:8000/v1`,
    )
    .action(
      withCli(async (cli, provider: string, options: AddOptions) => {
        const vendor = (await cli.client.catalog.providers()).find(({ id }) => id === provider);
        const { apiKeyStdin, ...given } = options;
        const apiKey = await readApiKey(cli, vendor, apiKeyStdin ?? false);
        const credential = await cli.client.providerCredentials.create({
          provider,
          ...given,
          ...(apiKey && { apiKey }),
        });
        const ref = `${credential.name ?? provider}/${vendor?.defaultModel ?? '<model>'}`;
        cli.print(credential, () => `Stored. As an agent's model: ${oneLine(ref)}\n`);
      }),
    );

  providers
    .command('remove')
    .description('Forget a stored model key')
    .argument('<key>', 'its id, name, label or vendor, if that means one')
    .addHelpText('after', '\nExample:\n  $ nightshift providers remove openai')
    .action(
      withCli(async (cli, wanted: string) => {
        const credential = pick(await takeAll(cli.client.providerCredentials.list(wholePages)), wanted, {
          kind: 'stored key',
          namesOf: ({ name, provider, label }: Credential) => [name ?? provider, provider, label],
        });
        await cli.client.providerCredentials.delete(credential.id);
        cli.print(
          { id: credential.id, removed: true },
          () =>
            `The key ${oneLine(credential.label)} of ${oneLine(credential.name ?? credential.provider)} is removed.\n`,
        );
      }),
    );
}

/** @throws {CliError} usage: there is nowhere to read it from */
async function readApiKey(
  { stderr }: Cli,
  vendor: CatalogProvider | undefined,
  fromStdin: boolean,
): Promise<string> {
  if (fromStdin) return (await readAll(process.stdin)).trim();
  const field = vendor?.fields.find(({ name }) => name === 'apiKey');
  // A vendor that does not exist, or takes no key: the server says so.
  if (!vendor || !field) return '';
  if (!process.stdin.isTTY) {
    if (!field.required) return '';
    throw new CliError('usage', `${vendor.name} needs a key: give it on stdin, with --api-key-stdin.`);
  }
  const hint = field.required ? '' : ', empty for none';
  return (await readSecret(`${vendor.name} API key (not shown${hint}): `, stderr)).trim();
}

function renderProviders({ stdout }: Cli, catalog: CatalogProvider[], credentials: Credential[]): string {
  const { style } = stdout;
  const vendors = table(
    catalog.filter(({ wire }) => wire !== 'demo'),
    [
      { header: 'VENDOR', value: ({ id }) => id },
      {
        header: 'KEY',
        value: ({ configured }) =>
          [
            configured.credentials > 0 ? `${configured.credentials} stored` : '',
            configured.environment ? 'environment' : '',
          ]
            .filter(Boolean)
            .join(', ') || '-',
        paint: (text) => (text.trim() === '-' ? style.dim(text) : style.green(text)),
      },
      { header: 'DEFAULT MODEL', value: ({ defaultModel }) => defaultModel ?? '-', shrinks: true },
      { header: 'VARIABLE', value: ({ env }) => env[0] ?? '-', shrinks: true, optional: true },
    ],
    stdout,
  );
  if (credentials.length === 0) return vendors;
  const stored = table(
    credentials,
    [
      { header: 'STORED FOR', value: ({ name, provider }) => name ?? provider, shrinks: true },
      { header: 'LABEL', value: ({ label }) => label, shrinks: true },
      { header: 'KEY', value: ({ apiKey }) => (apiKey.set ? `…${apiKey.last4 ?? ''}` : 'none') },
      { header: 'USED', value: ({ lastUsedAt }) => ago(lastUsedAt) },
      { header: 'ID', value: ({ id }) => id, paint: style.dim },
    ],
    stdout,
  );
  return `${vendors}\n${stored}`;
}
