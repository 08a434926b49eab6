import { text as readAll } from 'node:stream/consumers';
import type { Cli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { defaultAgent, findAgent } from '../records.ts';
import { askOnce } from './ask-once.ts';

export interface ChatOptions {
  message?: string;
  conversation?: string;
}

/** @returns the exit code */
export async function chat(cli: Cli, wanted: string | undefined, options: ChatOptions): Promise<number> {
  const interactive = options.message === undefined && process.stdin.isTTY;
  if (interactive && (!process.stdout.isTTY || cli.json)) {
    throw new CliError(
      'usage',
      'This chat needs a terminal for its output. Say something with --message, or on stdin.',
    );
  }
  const text = interactive ? '' : (options.message ?? (await readAll(process.stdin))).trim();
  if (!interactive && text === '')
    throw new CliError('usage', 'There is nothing to say: the message is empty.');

  const agent = wanted === undefined ? await defaultAgent(cli.client) : await findAgent(cli.client, wanted);
  const conversationId = options.conversation;
  if (!interactive) return askOnce(cli, { agentId: agent.id, text, conversationId });
  // Said now rather than when the first message was typed.
  if (conversationId !== undefined) await cli.client.conversations.get(conversationId);
  const { runSession } = await import('./session.ts');
  return runSession(cli, { agent, conversationId });
}
