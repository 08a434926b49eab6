/** A conversation at the terminal. */
import { type Agent, describeModel } from '@nightshift/contracts';
import { ApiError, ConnectionError } from '@nightshift/contracts/client';
import type { Cli } from '../cli.ts';
import { describeFailure } from '../failure.ts';
import { createRunPrinter, renderFailure } from '../run-printer.ts';
import { oneLine } from '../terminal/text.ts';
import { createPrompt } from './prompt.ts';
import { createTurn } from './turn.ts';

const help = `Enter sends; a backslash before it begins another line. What is pasted stays one message.
Ctrl-C stops a run that is under way; twice at an empty prompt it leaves, as Ctrl-D does.
  /new    begin a new conversation
  /help   show this
  /quit   leave
`;

/** Talks until the person leaves. @returns the exit code */
export async function runSession(
  cli: Cli,
  { agent, conversationId }: { agent: Agent; conversationId: string | undefined },
): Promise<number> {
  const { client, stdout } = cli;
  const { style, write } = stdout;
  write(
    `${style.bold(oneLine(agent.name))} ${style.dim(`(${oneLine(describeModel(agent.model))})  /help, Ctrl-D to leave`)}\n\n`,
  );
  const prompt = createPrompt(process, { prompt: style.cyan('> '), continuation: style.dim('. ') });

  /** Whether the last thing that happened was a Ctrl-C at an empty prompt. */
  let leaving = false;
  const atPrompt = (wasEmpty: boolean) => {
    if (wasEmpty && leaving) return prompt.close();
    leaving = wasEmpty;
    write(`\n${wasEmpty ? style.dim('Ctrl-C again to leave\n') : ''}`);
  };

  async function talk(text: string): Promise<void> {
    const turn = createTurn(client, { agentId: agent.id, text, conversationId });
    const printer = createRunPrinter(stdout);
    const watch = new AbortController();
    let stopping = false;
    prompt.onClose(() => watch.abort());
    prompt.onInterrupt(() => {
      if (stopping) return watch.abort();
      stopping = true;
      printer.note('stopping; Ctrl-C again to not wait for it');
      turn.cancel().catch((error: Error) => printer.note(`It could not be cancelled: ${error.message}`));
    });
    try {
      const { status } = await turn.follow(printer.print, watch.signal);
      if (status === 'failed') printer.note(`  nightshift runs show ${turn.runId}`);
    } catch (error) {
      printer.close();
      if (!watch.signal.aborted) showFailure(error);
      if (turn.runId && (watch.signal.aborted || error instanceof ConnectionError)) {
        printer.note(`The run may go on at the server: nightshift runs show ${turn.runId} --follow`);
      }
    } finally {
      printer.close();
      conversationId = turn.conversationId;
    }
  }

  /** The session outlives a refused message and a server that is away. */
  function showFailure(error: unknown): void {
    if (!(error instanceof ApiError || error instanceof ConnectionError)) throw error;
    const { code, message, hint } = describeFailure(error)!.error;
    write(renderFailure({ code, message, ...(hint && { hint }) }, style));
  }

  try {
    for (;;) {
      prompt.onClose(() => {});
      prompt.onInterrupt(atPrompt);
      const message = await prompt.read();
      leaving = false;
      const text = message?.trim();
      if (text === undefined || text === '/quit') return 0;
      if (text === '') continue;
      if (text === '/help') write(help);
      else if (text === '/new') {
        conversationId = undefined;
        write(style.dim('A new conversation.\n'));
      } else if (/^\/[a-z]+$/.test(text))
        write(style.dim(`There is no ${text}; /help shows what there is.\n`));
      else {
        await talk(text);
        write('\n');
      }
    }
  } finally {
    prompt.close();
    write('\n');
  }
}
