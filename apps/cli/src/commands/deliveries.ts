import type { Delivery, DeliveryStatus } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { integer } from '../options.ts';
import { take, takeAll, wholePages } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { paintStatus } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { oneLine, printable } from '../terminal/text.ts';

const statuses: DeliveryStatus[] = ['pending', 'sending', 'sent', 'unknown', 'dead', 'failed'];

interface ListOptions {
  status?: DeliveryStatus;
  conversation?: string;
  webhook?: string;
  limit: number;
}

export function addDeliveryCommands(program: Command): void {
  const deliveries = program
    .command('deliveries')
    .description('What left or is to leave, to channels and webhooks: list, show, retry');

  deliveries
    .command('list')
    .description('List deliveries, newest first')
    .addOption(new Option('--status <status>', 'only those that stand so').choices(statuses))
    .option('--conversation <id>', 'only those of this conversation')
    .option('--webhook <id>', 'only those to this webhook')
    .addOption(new Option('--limit <n>', 'how many').argParser(integer).default(20))
    .addHelpText('after', '\nExample:\n  $ nightshift deliveries list --status dead')
    .action(withCli(list));

  deliveries
    .command('show')
    .description('Show a delivery')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ nightshift deliveries show 0199c1d2-…')
    .action(
      withCli(async (cli, id: string) => {
        const delivery = await cli.client.deliveries.get(id);
        cli.print(delivery, () => describe(cli, delivery));
      }),
    );

  deliveries
    .command('retry')
    .description('Send a dead or unknown delivery again, in its place')
    .argument('<id>')
    .addHelpText('after', '\nExample:\n  $ nightshift deliveries retry 0199c1d2-…')
    .action(
      withCli(async (cli, id: string) => {
        const delivery = await cli.client.deliveries.retry(id);
        cli.print(delivery, () => `The delivery is ${delivery.status}.\n`);
      }),
    );
}

async function list(cli: Cli, options: ListOptions): Promise<void> {
  const { client, stdout, stderr } = cli;
  const { status, conversation: conversationId, webhook: webhookId, limit } = options;
  const { items, more } = await take(
    (page) => client.deliveries.list({ ...page, status, conversationId, webhookId }),
    limit,
  );
  const urls = new Map(
    cli.json ? [] : (await takeAll(client.webhooks.list(wholePages))).map(({ id, url }) => [id, url]),
  );
  cli.print(items, () =>
    table<Delivery>(
      items,
      [
        { header: 'ID', value: ({ id }) => id },
        {
          header: 'STATUS',
          value: ({ status }) => status,
          paint: (text, { status }) => paintStatus(stdout.style, status, text),
        },
        { header: 'EVENT', value: ({ event }) => event, optional: true },
        { header: 'TO', value: (delivery) => destinationOf(delivery, urls), shrinks: true },
        { header: 'CREATED', value: ({ createdAt }) => ago(createdAt) },
        { header: 'TRIED', value: ({ attempts }) => `${attempts}`, align: 'right', optional: true },
        { header: 'ERROR', value: ({ error }) => error?.message ?? '', shrinks: true, optional: true },
      ],
      stdout,
    ),
  );
  if (more && !cli.json) stderr.write(stderr.style.dim(`There are more: --limit ${limit * 2}\n`));
}

const destinationOf = ({ webhookId, channelId }: Delivery, urls?: ReadonlyMap<string, string>) =>
  webhookId ? (urls?.get(webhookId) ?? `webhook ${webhookId}`) : `channel ${channelId}`;

function describe({ stdout: { style } }: Cli, delivery: Delivery): string {
  const line = (label: string, value: string) => `  ${style.dim(label.padEnd(14))}${value}\n`;
  const { id, event, status, error, conversationId, runId, text, attempts, partsSent, receipts } = delivery;
  return [
    `${style.bold(oneLine(event))} ${paintStatus(style, status)}\n`,
    line('id', id),
    line('to', destinationOf(delivery)),
    ...(conversationId ? [line('conversation', conversationId)] : []),
    ...(runId ? [line('run', runId)] : []),
    ...(text ? [line('text', oneLine(text))] : []),
    line('tried', `${attempts} times, ${partsSent} parts sent`),
    ...(delivery.cut ? [line('cut', describeCut(delivery.cut))] : []),
    ...(status === 'pending' ? [line('due', delivery.dueAt)] : []),
    ...(error ? [line('error', printable(error.message))] : []),
    ...receipts.map((receipt) => line('receipt', oneLine(JSON.stringify(receipt)))),
    line('created', ago(delivery.createdAt)),
  ].join('');
}

/** An answer that was too long for its place. */
function describeCut({ as, parts, percent, end }: NonNullable<Delivery['cut']>): string {
  if (as === 'file') return 'too long for messages: all of it as a file';
  return `after ${parts} parts, ${percent} % of it; it ends with ${JSON.stringify(oneLine(end))}`;
}
