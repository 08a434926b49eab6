import type { ApiKey, Role } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { type ListOptions, withPages } from '../options.ts';
import { pick, shortId, takeAll, takeList, wholePages } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { oneLine } from '../terminal/text.ts';

const named = { kind: 'key', namesOf: ({ name }: ApiKey) => [name] };

export function addKeyCommands(program: Command): void {
  const keys = program.command('keys').description('API keys of this server: list, create, revoke');

  withPages(keys.command('list'))
    .description('List the API keys, without the keys')
    .addHelpText('after', '\nExample:\n  $ nightshift keys list')
    .action(
      withCli(async (cli, options: ListOptions) => {
        const list = await takeList(cli, (page) => cli.client.apiKeys.list(page), options);
        cli.print(list, () =>
          table(
            list,
            [
              { header: 'NAME', value: ({ name }) => name, shrinks: true },
              { header: 'ROLE', value: ({ role }) => role },
              { header: 'KEY', value: ({ last4 }) => `…${last4}` },
              { header: 'USED', value: ({ lastUsedAt }) => ago(lastUsedAt) },
              { header: 'ID', value: ({ id }) => shortId(id, cli.stdout), paint: cli.stdout.style.dim },
            ],
            cli.stdout,
          ),
        );
      }),
    );

  keys
    .command('create')
    .description('Make an API key. It is shown this once, alone on stdout')
    .argument('<name>', 'what it is for')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['owner', 'admin', 'member', 'viewer'] satisfies Role[])
        .default('member'),
    )
    .addHelpText('after', '\nExample:\n  $ NIGHTSHIFT_API_KEY=$(nightshift keys create ci --role member)')
    .action(
      withCli(async (cli, name: string, { role }: { role: Role }) => {
        const created = await cli.client.apiKeys.create({ name, role });
        if (created.key === undefined)
          throw new CliError(
            'failed',
            'The key was made, but the answer that showed it was lost on the way.',
            `nightshift keys revoke ${created.id}, then create another one`,
          );
        if (!cli.json)
          cli.stderr.write(`The key ${oneLine(created.name)} (${role}), shown only this once:\n`);
        cli.print(created, () => `${created.key}\n`);
      }),
    );

  keys
    .command('revoke')
    .description('Revoke an API key: its next request is refused')
    .argument('<key>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift keys revoke ci')
    .action(
      withCli(async (cli, wanted: string) => {
        const key = pick(await takeAll(cli.client.apiKeys.list(wholePages)), wanted, named);
        await cli.client.apiKeys.revoke(key.id);
        cli.print(
          { id: key.id, revoked: true },
          () => `The key ${oneLine(key.name)} …${key.last4} is revoked.\n`,
        );
      }),
    );
}
