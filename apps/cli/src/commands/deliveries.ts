import type { Delivery, DeliveryStatus } from '@nightshift/contracts';
import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { type ListOptions, several, withPages, withTimes } from '../options.ts';
import { shortId, takeAll, takeList, wholePages } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { paintStatus } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { oneLine, printable } from '../terminal/text.ts';

const statuses: DeliveryStatus[] = ['pending', 'sending', 'sent', 'unknown', 'dead', 'failed'];

interface DeliveryListOptions extends ListOptions {
  status?: DeliveryStatus[];
  conversation?: string;
  webhook?: string;
  channel?: string;
  run?: string;
  from?: string;
  to?: string;
}

export function addDeliveryCommands(program: Command): void {
  const deliveries = program
    .command('deliveries')
    .description('What left or is to leave, to channels and webhooks: list, show, retry');

  withTimes(withPages(deliveries.command('list'), 20), 'made')
    .description('List deliveries, newest first')
    .addOption(several('--status <status>', 'only those', statuses))
    .option('--conversation <id>', 'only those of this conversation')
    .option('--run <id>', 'only those of this run')
    .option('--channel <channel>', 'only those to this channel: name or id')
    .option('--webhook <webhook>', 'only those to this webhook: name or id')
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

async function list(cli: Cli, options: DeliveryListOptions): Promise<void> {
  const { client, stdout } = cli;
  const { status, from, to, run: runId, channel: channelId } = options;
  const { conversation: conversationId, webhook: webhookId } = options;
  const filters = { status, from, to, runId, channelId, conversationId, webhookId };
  const items = await takeList(cli, (page) => client.deliveries.list({ ...page, ...filters }), options);
  const urls = new Map(
    cli.json ? [] : (await takeAll(client.webhooks.list(wholePages))).map(({ id, url }) => [id, url]),
  );
  cli.print(items, () =>
    table<Delivery>(
      items,
      [
        { header: 'ID', value: ({ id }) => shortId(id, stdout) },
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
}

const destinationOf = (
  { webhookId, webhook, channel, channelId }: Delivery,
  urls?: ReadonlyMap<string, string>,
) =>
  webhookId
    ? (urls?.get(webhookId) ?? `webhook ${webhook?.name ?? webhookId}`)
    : `channel ${channel?.name ?? channelId}`;

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
