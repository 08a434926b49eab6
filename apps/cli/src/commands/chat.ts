import type { Command } from 'commander';
import type { ChatOptions } from '../chat/chat.ts';
import { withCli } from '../cli.ts';

export function addChatCommand(program: Command): void {
  program
    .command('chat')
    .description('Talk to an agent')
    .argument('[agent]', 'name or id; default: the one named assistant, or else the oldest')
    .option('-m, --message <text>', 'say this, print the reply and leave')
    .option('--conversation <id>', 'go on with this conversation')
    .addHelpText(
      'after',
      `
On a terminal: Enter sends, a backslash before it begins another line. Ctrl-C stops a run that is under way; twice at
an empty prompt it leaves, as Ctrl-D does. /new begins a new conversation, /help shows this, /quit leaves.

With --message, or with a message on stdin, it answers once: 0 when the run succeeded, 1 when it did not. To a pipe
goes the reply alone.

Examples:
  $ nightshift chat
  $ nightshift chat assistant --message "What time is it in Berlin?"
  $ git diff | nightshift chat reviewer
  $ nightshift chat --message "Show my notes" --json | jq -r .reply.text`,
    )
    .action(
      withCli(async (cli, wanted: string | undefined, options: ChatOptions) => {
        const { chat } = await import('../chat/chat.ts');
        return chat(cli, wanted, options);
      }),
    );
}
