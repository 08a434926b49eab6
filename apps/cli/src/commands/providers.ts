import type { CatalogProvider, Credential, CredentialTestResult } from '@nightshift/contracts';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { pick, takeAll, wholePages } from '../records.ts';
import { readSecretFrom, refuseSecretOption } from '../secrets.ts';
import { count, duration } from '../terminal/format.ts';
import { readSecret } from '../terminal/read-secret.ts';
import { oneLine } from '../terminal/text.ts';
import { addProviderHealthCommand } from './provider-health.ts';
import { renderProviders } from './provider-tables.ts';

interface Settings {
  label?: string;
  baseUrl?: string;
  weight?: number;
  parameter?: Record<string, string>;
  prices?: { input: string; output: string; cachedInput?: string };
}

const keyArgument = 'its id, name, label or vendor, if that means one';

export function addProviderCommands(program: Command): void {
  const providers = program
    .command('providers')
    .description('Model vendors and their keys: list, add, test, rotate, update, remove, health');

  providers
    .command('list')
    .description('List the vendors that have a key, and the keys that are stored')
    .option('--all', 'also the vendors without a key')
    .addHelpText('after', '\nExamples:\n  $ nightshift providers list\n  $ nightshift providers list --all')
    .action(
      withCli(async (cli, { all = false }: { all?: boolean }) => {
        const [catalog, credentials] = await Promise.all([
          cli.client.catalog.providers(),
          takeAll(cli.client.providerCredentials.list(wholePages)),
        ]);
        cli.print({ providers: catalog, credentials }, () =>
          renderProviders(cli.stdout, catalog, credentials, { all }),
        );
      }),
    );

  withSettings(
    providers
      .command('add')
      .description('Store a model key. It is asked for without echo, or read from stdin')
      .argument('<provider>', 'a vendor of "nightshift providers list --all"')
      .option(
        '--name <name>',
        'openai-compatible and anthropic-compatible: models are addressed as name/model',
      )
      .option('--api-key-file <path>', 'read the key from a file; "-" is stdin')
      .option('--api-key-stdin', 'read the key from stdin'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift providers add openai
  $ pass show anthropic | nightshift providers add anthropic --label spare --weight 0 --api-key-stdin
  $ nightshift providers add azure --parameter resource=my-team
  $ nightshift providers add vertex --parameter project=my-project --api-key-stdin < service-account.json
  $ nightshift providers add openai-compatible --name lab --base-url http://10.0.0.5:8000/v1`,
    )
    .action(
      withCli(async (cli, provider: string, options: Settings & KeySource & { name?: string }) => {
        const vendor = (await cli.client.catalog.providers()).find(({ id }) => id === provider);
        const apiKey = await readApiKey(cli, vendor, pathOf(options));
        const { name } = options;
        const credential = await cli.client.providerCredentials.create({
          provider,
          ...(name && { name }),
          ...settingsOf(options),
          ...(apiKey && { apiKey }),
        });
        const ref = `${credential.name ?? provider}/${vendor?.defaultModel ?? '<model>'}`;
        cli.print(
          credential,
          () =>
            `Stored. As an agent's model: ${oneLine(ref)}\nTry it: nightshift providers test ${oneLine(credential.label)}\n`,
        );
      }),
    );

  providers
    .command('test')
    .description('Try a stored key with the cheapest real call, and say what is wrong')
    .argument('<key>', keyArgument)
    .option('--model <model>', "the vendor's own id of a model, e.g. an Azure deployment")
    .addHelpText(
      'after',
      '\nExamples:\n  $ nightshift providers test openai\n  $ nightshift providers test azure --model my-deployment',
    )
    .action(
      withCli(async (cli, wanted: string, options: { model?: string }) => {
        const credential = await findCredential(cli, wanted);
        const result = await cli.client.providerCredentials.test(credential.id, options);
        cli.print(result, () => renderTest(cli, credential, result));
        return result.ok ? 0 : 1;
      }),
    );

  providers
    .command('rotate')
    .description('Put a new key in the place of a stored one. The next call uses it')
    .argument('<key>', keyArgument)
    .option('--api-key-file <path>', 'read the key from a file; "-" is stdin')
    .option('--api-key-stdin', 'read the key from stdin')
    .addHelpText(
      'after',
      '\nExample:\n  $ pass show openai | nightshift providers rotate openai --api-key-stdin',
    )
    .action(
      withCli(async (cli, wanted: string, options: KeySource) => {
        const { id, provider } = await findCredential(cli, wanted);
        const vendor = (await cli.client.catalog.providers()).find((each) => each.id === provider);
        const apiKey = await readApiKey(cli, vendor, pathOf(options));
        if (!apiKey) throw new CliError('usage', 'There is no key to put in its place.');
        const credential = await cli.client.providerCredentials.update(id, { apiKey });
        cli.print(
          credential,
          () => `The key ${nameOf(credential)} is …${credential.apiKey.last4 ?? ''} now.\n`,
        );
      }),
    );

  withSettings(
    providers
      .command('update')
      .description('Change how a stored key is used')
      .argument('<key>', keyArgument)
      .option('--no-prices', 'forget the prices')
      .option('--api-key-file <path>', 'read the key from a file; "-" is stdin')
      .option('--api-key-stdin', 'read the key from stdin'),
  )
    .addHelpText(
      'after',
      `
Another address (--base-url, a --parameter that is part of it) needs the key again, since the stored one is sent nowhere
else: it is asked for without echo, or read from stdin.

Examples:
  $ nightshift providers update spare --weight 0
  $ nightshift providers update lab --prices 0.2,0.6`,
    )
    .action(
      withCli(
        async (
          cli,
          wanted: string,
          options: Omit<Settings, 'prices'> & KeySource & { prices?: Settings['prices'] | false },
        ) => {
          const { id, provider, apiKey: stored } = await findCredential(cli, wanted);
          const { prices, apiKeyFile, apiKeyStdin, ...more } = options;
          const path = pathOf({ apiKeyFile, apiKeyStdin });
          const isMove = more.baseUrl !== undefined || more.parameter !== undefined;
          const asks = stored.set && isMove && process.stdin.isTTY;
          const vendor = (await cli.client.catalog.providers()).find((each) => each.id === provider);
          const apiKey = path !== undefined || asks ? await readApiKey(cli, vendor, path) : '';
          const credential = await cli.client.providerCredentials.update(id, {
            ...settingsOf(prices ? { ...more, prices } : more),
            ...(prices === false && { prices: null }),
            ...(apiKey && { apiKey }),
          });
          cli.print(credential, () => `The key ${nameOf(credential)} is changed.\n`);
        },
      ),
    );

  providers
    .command('remove')
    .description('Forget a stored model key')
    .argument('<key>', keyArgument)
    .addHelpText('after', '\nExample:\n  $ nightshift providers remove openai')
    .action(
      withCli(async (cli, wanted: string) => {
        const credential = await findCredential(cli, wanted);
        await cli.client.providerCredentials.delete(credential.id);
        cli.print({ id: credential.id, removed: true }, () => `The key ${nameOf(credential)} is removed.\n`);
      }),
    );

  addProviderHealthCommand(providers);
  for (const verb of ['add', 'rotate', 'update'])
    refuseSecretOption(
      providers.commands.find((command) => command.name() === verb)!,
      '--api-key <key>',
      'Leave it out to be asked for it, or use --api-key-file or --api-key-stdin.',
    );
}

/** Where a key is read from, when it is not asked for. */
interface KeySource {
  apiKeyFile?: string | undefined;
  apiKeyStdin?: boolean | undefined;
}

const pathOf = ({ apiKeyFile, apiKeyStdin }: KeySource) => apiKeyFile ?? (apiKeyStdin ? '-' : undefined);

function withSettings(command: Command): Command {
  return command
    .option('--label <label>', 'tells several keys of one vendor apart')
    .option('--base-url <url>', 'where the endpoint is, if not at the vendor')
    .option(
      '--weight <weight>',
      "its share among the vendor's keys; 0: only when no other is left",
      parseWeight,
    )
    .option(
      '--parameter <name=value>',
      'what the address needs besides, or "wire"; may be repeated',
      parseParameter,
    )
    .option(
      '--prices <input,output[,cached]>',
      'USD per million tokens, where the price list has none',
      parsePrices,
    );
}

function settingsOf({ label, baseUrl, weight, parameter, prices }: Settings) {
  return {
    ...(label !== undefined && { label }),
    ...(baseUrl !== undefined && { baseUrl }),
    ...(weight !== undefined && { weight }),
    ...(parameter && { parameters: parameter }),
    ...(prices && { prices }),
  };
}

function parseWeight(value: string): number {
  if (!/^\d{1,4}$/.test(value)) throw new InvalidArgumentError('It has to be a whole number from 0 to 1000.');
  return Number(value);
}

function parseParameter(value: string, before: Record<string, string> = {}): Record<string, string> {
  const match = /^([^=]+)=(.+)$/.exec(value);
  if (match?.[1] === 'apiKey')
    throw new InvalidArgumentError(
      'The key is no parameter: leave it out to be asked for it, or use --api-key-file.',
    );
  if (!match) throw new InvalidArgumentError('It has to be name=value.');
  return { ...before, [match[1]!]: match[2]! };
}

function parsePrices(value: string): NonNullable<Settings['prices']> {
  const [input, output, cachedInput, ...rest] = value.split(',');
  if (!input || !output || rest.length > 0)
    throw new InvalidArgumentError('It has to be input,output or input,output,cached, e.g. 0.2,0.6.');
  return { input, output, ...(cachedInput && { cachedInput }) };
}

const nameOf = ({ label, name, provider }: Credential) =>
  label === name ? oneLine(label) : `${oneLine(label)} of ${oneLine(name ?? provider)}`;

/** @throws {CliError} not_found, ambiguous */
async function findCredential({ client }: Cli, wanted: string): Promise<Credential> {
  return pick(await takeAll(client.providerCredentials.list(wholePages)), wanted, {
    kind: 'stored key',
    namesOf: ({ name, provider, label }: Credential) => [name ?? provider, provider, label],
  });
}

/** @throws {CliError} usage: there is nowhere to read it from */
async function readApiKey(
  { stderr }: Cli,
  vendor: CatalogProvider | undefined,
  path: string | undefined,
): Promise<string> {
  if (path !== undefined) return readSecretFrom(path);
  const field = vendor?.fields.find(({ name }) => name === 'apiKey');
  // A vendor that does not exist, or takes no key: the server says so.
  if (!vendor || !field) return '';
  if (!process.stdin.isTTY) {
    if (!field.required) return '';
    throw new CliError(
      'usage',
      `${vendor.name} needs a key: give it on stdin, with --api-key-stdin, or in a file, with --api-key-file.`,
    );
  }
  const hint = field.required ? '' : ', empty for none';
  return (await readSecret(`${vendor.name} API key (not shown${hint}): `, stderr)).trim();
}

function renderTest(
  { stdout: { style } }: Cli,
  credential: Credential,
  result: CredentialTestResult,
): string {
  const { ok, model, latencyMs, problem, models } = result;
  const listed = models === null ? '' : `, of ${count(models)} that it lists`;
  const called = model === null ? '' : ` ${oneLine(model)}${listed}`;
  const took = latencyMs === null ? '' : ` (${duration(latencyMs)})`;
  if (ok) return `${style.green('✓')} The key ${nameOf(credential)} works: called${called}${took}.\n`;
  return `${style.red('✗')} The key ${nameOf(credential)} does not work${called && `: called${called}${took}`}.\n  ${oneLine(problem?.message ?? '')}\n  ${style.dim(oneLine(problem?.hint ?? ''))}\n`;
}
