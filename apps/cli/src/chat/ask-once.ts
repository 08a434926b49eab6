import { ConnectionError } from '@nightshift/contracts/client';
import type { Cli } from '../cli.ts';
import { exitCodes } from '../failure.ts';
import { createRunPrinter, renderFailure } from '../run-printer.ts';
import { printable } from '../terminal/text.ts';
import { createTurn, type TurnInput } from './turn.ts';

/**
 * Says one thing and prints the reply: on a terminal as it comes, to a pipe the reply alone, with `--json` as the API's
 * own answer. Ctrl-C cancels the run.
 *
 * @returns the exit code
 */
export async function askOnce(cli: Cli, input: TurnInput): Promise<number> {
  const { stdout, stderr } = cli;
  const live = stdout.isTTY && !cli.json;
  const printer = createRunPrinter(stdout);
  const turn = createTurn(cli.client, input);
  let interrupted = false;
  const interrupt = () => {
    // The second one is for when the server does not answer any more.
    if (interrupted) process.exit(exitCodes.interrupted);
    interrupted = true;
    turn.cancel().catch((error: Error) => stderr.write(`The run could not be cancelled: ${error.message}\n`));
  };
  process.on('SIGINT', interrupt);
  try {
    const reply = await turn.follow((event) => live && printer.print(event));
    if (!live) cli.print(reply, () => (reply.reply ? `${printable(reply.reply.text).trimEnd()}\n` : ''));
    if (!live && !cli.json && !reply.reply) {
      stderr.write(reply.error ? renderFailure(reply.error, stderr.style) : `The run is ${reply.status}.\n`);
    }
    if (interrupted) return exitCodes.interrupted;
    return reply.status === 'succeeded' ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (live) printer.close();
    if (error instanceof ConnectionError && turn.runId && !cli.json) {
      stderr.write(`The run may go on at the server: nightshift runs show ${turn.runId}\n`);
    }
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}
