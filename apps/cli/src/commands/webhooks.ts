import type { Webhook, WebhookEventType, WebhookSaved } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError, exitCodes } from '../failure.ts';
import { type ListOptions, withPages } from '../options.ts';
import { pick, shortId, takeAll, takeList, wholePages } from '../records.ts';
import { readSecretFrom, refuseSecretOption } from '../secrets.ts';
import { duration } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { indent, oneLine, printable } from '../terminal/text.ts';

const eventTypes: WebhookEventType[] = [
  'message.created',
  'run.finished',
  'budget.warning',
  'provider.key_refused',
  'channel.attention',
  'channel.unreadable',
  'channel.loop',
];

interface UpdateOptions {
  name?: string;
  to?: string;
  event?: WebhookEventType[];
  rotateSecret?: boolean;
  secretFile?: string;
  secretStdin?: boolean;
}

export function addWebhookCommands(program: Command): void {
  const webhooks = program
    .command('webhooks')
    .description('Outgoing webhooks: list, create, update, delete, test');

  withPages(webhooks.command('list'))
    .description('List the webhooks')
    .addHelpText('after', '\nExample:\n  $ nightshift webhooks list')
    .action(
      withCli(async (cli, options: ListOptions) => {
        const list = await takeList(cli, (page) => cli.client.webhooks.list(page), options);
        cli.print(list, () =>
          list.length > 0
            ? table(
                list,
                [
                  { header: 'NAME', value: ({ name }) => name ?? '-', shrinks: true, optional: true },
                  { header: 'URL', value: ({ url }) => url, shrinks: true },
                  { header: 'EVENTS', value: ({ events }) => events.join(', '), shrinks: true },
                  { header: 'SECRET', value: ({ secret }) => `…${secret.last4 ?? ''}`, optional: true },
                  { header: 'ID', value: ({ id }) => shortId(id, cli.stdout), paint: cli.stdout.style.dim },
                ],
                cli.stdout,
              )
            : 'There is no webhook yet. Make one: nightshift webhooks create <url>\n',
        );
      }),
    );

  withEvents(webhooks.command('create'))
    .description('Send events to a URL. The signing secret is shown this once, alone on stdout')
    .argument('<url>')
    .option('--name <name>', 'what it is called; unique in the team')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift webhooks create https://ops.example.com/nightshift
  $ nightshift webhooks create https://ops.example.com/failed --event run.finished`,
    )
    .action(
      withCli(async (cli, url: string, { event, name }: { event?: WebhookEventType[]; name?: string }) =>
        showMade(
          cli,
          await cli.client.webhooks.create({ url, events: event ?? eventTypes, ...(name && { name }) }),
        ),
      ),
    );

  withEvents(webhooks.command('update'))
    .description('Change what is named of a webhook, and nothing else')
    .argument('<webhook>', 'name, URL or id')
    .option('--name <name>', 'what it is called from now on')
    .option('--to <url>', 'where it goes from now on; with a new secret, or the same one by --secret-stdin')
    .option('--rotate-secret', 'make a new signing secret, which is shown this once')
    .option('--secret-file <path>', 'read the signing secret from a file; "-" is stdin')
    .option('--secret-stdin', 'read the signing secret from stdin')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift webhooks update https://ops.example.com/nightshift --rotate-secret
  $ nightshift webhooks update https://ops.example.com/nightshift --to https://new.example.com/in`,
    )
    .action(
      withCli(
        async (
          cli,
          wanted: string,
          { name, to, event, rotateSecret, secretFile, secretStdin }: UpdateOptions,
        ) => {
          const secretPath = secretFile ?? (secretStdin ? '-' : undefined);
          if (!name && !to && !event && !rotateSecret && secretPath === undefined)
            throw new CliError('usage', 'Name something to change.');
          const { id } = await find(cli, wanted);
          const saved = await cli.client.webhooks.update(id, {
            ...(name && { name }),
            ...(to && { url: to }),
            ...(event && { events: event }),
            // The stored secret signs for no other address.
            ...(secretPath !== undefined
              ? { secret: await readSecretFrom(secretPath) }
              : (rotateSecret || to) && { rotateSecret: true }),
          });
          showSecret(cli, saved);
        },
      ),
    );

  webhooks
    .command('delete')
    .description('Send no more events to a URL, also not those that wait')
    .argument('<webhook>', 'name, URL or id')
    .addHelpText('after', '\nExample:\n  $ nightshift webhooks delete https://ops.example.com/nightshift')
    .action(
      withCli(async (cli, wanted: string) => {
        const { id, url } = await find(cli, wanted);
        await cli.client.webhooks.delete(id);
        cli.print({ id, deleted: true }, () => `The webhook to ${oneLine(url)} is deleted.\n`);
      }),
    );

  webhooks
    .command('test')
    .description('Send a ping now and show what comes back; ends with 1 when it is not accepted')
    .argument('<webhook>', 'name, URL or id')
    .addHelpText('after', '\nExample:\n  $ nightshift webhooks test https://ops.example.com/nightshift')
    .action(withCli(test));

  for (const verb of ['create', 'update'])
    refuseSecretOption(
      webhooks.commands.find((command) => command.name() === verb)!,
      '--secret <secret>',
      'One is made for you; to use your own, "webhooks update" takes --secret-file or --secret-stdin.',
    );
}

const withEvents = (command: Command) =>
  command.addOption(
    new Option('--event <type...>', 'what it is told of; default everything').choices(eventTypes),
  );

async function find({ client }: Cli, wanted: string): Promise<Webhook> {
  return pick(await takeAll(client.webhooks.list(wholePages)), wanted, {
    kind: 'webhook',
    namesOf: ({ name, url }) => (name === null ? [url] : [name, url]),
  });
}

/** @throws {CliError} failed: the secret was shown in an answer that never came, and is not shown again */
function showMade(cli: Cli, saved: WebhookSaved): void {
  if (saved.signingSecret === undefined)
    throw new CliError(
      'failed',
      'The webhook was made, but the answer that showed its secret was lost on the way.',
      `nightshift webhooks update ${saved.id} --rotate-secret`,
    );
  showSecret(cli, saved);
}

/** What was made is for people; the secret goes to stdout alone, for whoever stores it. */
function showSecret(cli: Cli, saved: WebhookSaved): void {
  const { url, events, signingSecret } = saved;
  if (!cli.json && signingSecret) cli.stderr.write('The signing secret, shown only this once:\n');
  cli.print(saved, () =>
    signingSecret ? `${signingSecret}\n` : `${oneLine(url)} is told of ${events.join(', ')}.\n`,
  );
}

async function test(cli: Cli, wanted: string): Promise<number> {
  const { id } = await find(cli, wanted);
  const result = await cli.client.webhooks.test(id);
  const { style } = cli.stdout;
  cli.print(result, () => {
    const verdict = result.ok ? style.green('accepted') : style.red('not accepted');
    const what = result.error ?? `The receiver answered ${result.status}.`;
    const body = result.body?.trim() ? `${indent(printable(result.body.trim()))}\n` : '';
    return `${verdict} in ${duration(result.durationMs)}: ${oneLine(what)}\n${body}`;
  });
  return result.ok ? exitCodes.ok : exitCodes.failed;
}
