import type { PlaceKind } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { withCli } from '../cli.ts';
import { notesOn, whereOf } from '../message-notes.ts';
import { integer, type ListOptions, withPages, withTimes } from '../options.ts';
import { findAgent, shortId, take, takeList } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { indent, oneLine, printable } from '../terminal/text.ts';

const placeKinds: PlaceKind[] = ['direct', 'group', 'channel', 'thread', 'topic', 'mail'];

interface ConversationListOptions extends ListOptions {
  agent?: string;
  channel?: string;
  person?: string;
  search?: string;
  place?: PlaceKind;
  waiting?: true;
  sort?: 'activity' | 'created';
  from?: string;
  to?: string;
}

export function addConversationCommands(program: Command): void {
  const conversations = program.command('conversations').description('Conversations: list, show');

  withTimes(withPages(conversations.command('list'), 20), 'last spoken in')
    .description('List conversations, those last spoken in first')
    .option('--agent <agent>', 'only those of this agent: name or id')
    .option('--channel <channel>', 'only those of this channel: name or id')
    .option('--person <person>', 'only those that this person spoke in: name or id')
    .option('--search <text>', "a part of the title, of the place's name or of a person's")
    .addOption(new Option('--place <kind>', 'only those held in such a place').choices(placeKinds))
    .option('--waiting', 'only those with a run that waits to begin')
    .addOption(new Option('--sort <order>', 'default activity').choices(['activity', 'created']))
    .addHelpText(
      'after',
      '\nExample:\n  $ nightshift conversations list --channel Slack --search invoice --from 7d',
    )
    .action(
      withCli(async (cli, options: ConversationListOptions) => {
        const { client, stdout } = cli;
        const { from, to, sort, waiting, search: q, place: placeKind } = options;
        const { channel: channelId, person: personId } = options;
        const agentId = options.agent && (await findAgent(client, options.agent)).id;
        const filters = { agentId, channelId, personId, q, placeKind, from, to, sort };
        const items = await takeList(
          cli,
          (page) => client.conversations.list({ ...page, ...filters, ...(waiting && { waiting: 'true' }) }),
          options,
        );
        cli.print(items, () =>
          table(
            items,
            [
              { header: 'ID', value: ({ id }) => shortId(id, stdout) },
              { header: 'AGENT', value: ({ agent }) => agent.name, shrinks: true },
              { header: 'CHANGED', value: ({ updatedAt }) => ago(updatedAt) },
              {
                header: 'MESSAGES',
                value: ({ messageCount }) => String(messageCount),
                align: 'right',
                optional: true,
              },
              { header: 'WHERE', value: whereOf, shrinks: true, optional: true },
              {
                header: 'PEOPLE',
                value: ({ people }) => people.map(({ name }) => name).join(', '),
                shrinks: true,
                optional: true,
              },
              { header: 'TITLE', value: ({ title }) => title ?? '', shrinks: true, optional: true },
            ],
            stdout,
          ),
        );
      }),
    );

  conversations
    .command('show')
    .description('Show what was said, oldest first')
    .argument('<id>')
    .addOption(new Option('--limit <n>', 'only the last so many messages').argParser(integer).default(50))
    .addHelpText('after', '\nExample:\n  $ nightshift conversations show 0199c1d2-… --limit 10')
    .action(
      withCli(async (cli, id: string, options: { limit: number }) => {
        const { client } = cli;
        const [conversation, { items, more }] = await Promise.all([
          client.conversations.get(id),
          take((page) => client.conversations.messages(id, page), options.limit),
        ]);
        const messages = items.reverse();
        cli.print({ ...conversation, messages }, () => {
          const { style } = cli.stdout;
          const { people } = conversation;
          const place = [
            whereOf(conversation),
            ...(people.length > 0 ? [`with ${people.map(({ name }) => oneLine(name)).join(', ')}`] : []),
          ].filter(Boolean);
          const head = [
            ...(place.length > 0 ? [style.dim(`${place.join(' · ')}\n\n`)] : []),
            ...(more
              ? [style.dim(`(the last ${options.limit} of ${conversation.messageCount} messages)\n\n`)]
              : []),
          ];
          const said = messages.map((message) => {
            const { role, text, sender, createdAt, runId } = message;
            const by = role === 'user' ? style.cyan(oneLine(sender?.name ?? role)) : style.green(role);
            const when = style.dim(`${ago(createdAt)}${runId ? `  run ${oneLine(runId)}` : ''}`);
            const notes = notesOn(message).map((note) => `  ${style.dim(oneLine(note))}\n`);
            const body = text.trim() === '' ? '' : `${indent(printable(text).trimEnd(), '  ')}\n`;
            return `${by}  ${when}\n${notes.join('')}${body}`;
          });
          return head.join('') + said.join('\n');
        });
      }),
    );
}
