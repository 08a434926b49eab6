import { type Command, Option } from 'commander';
import { withCli } from '../cli.ts';
import { notesOn, whereOf } from '../message-notes.ts';
import { integer } from '../options.ts';
import { agentNames, findAgent, take } from '../records.ts';
import { ago } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { indent, oneLine, printable } from '../terminal/text.ts';

export function addConversationCommands(program: Command): void {
  const conversations = program.command('conversations').description('Conversations: list, show');

  conversations
    .command('list')
    .description('List conversations, newest first')
    .option('--agent <agent>', 'only those of this agent: name or id')
    .addOption(new Option('--limit <n>', 'how many').argParser(integer).default(20))
    .addHelpText('after', '\nExample:\n  $ nightshift conversations list --agent assistant')
    .action(
      withCli(async (cli, options: { agent?: string; limit: number }) => {
        const { client, stdout, stderr } = cli;
        const agentId = options.agent && (await findAgent(client, options.agent)).id;
        const { items, more } = await take(
          (page) => client.conversations.list({ ...page, agentId }),
          options.limit,
        );
        const names = cli.json ? new Map<string, string>() : await agentNames(client);
        cli.print(items, () =>
          table(
            items,
            [
              { header: 'ID', value: ({ id }) => id },
              { header: 'AGENT', value: ({ agentId }) => names.get(agentId) ?? '(deleted)', shrinks: true },
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
        if (more && !cli.json)
          stderr.write(stderr.style.dim(`There are more: --limit ${options.limit * 2}\n`));
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
