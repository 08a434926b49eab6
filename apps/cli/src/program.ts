import { Command, CommanderError } from 'commander';
import { addAgentCommands } from './commands/agents.ts';
import { addBudgetCommands } from './commands/budgets.ts';
import { addChannelCommands } from './commands/channels.ts';
import { addChatCommand } from './commands/chat.ts';
import { addConversationCommands } from './commands/conversations.ts';
import { addDeliveryCommands } from './commands/deliveries.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addKeyCommands } from './commands/keys.ts';
import { addEstimateCommand, addLimitsCommand } from './commands/limits.ts';
import { addModelsCommand } from './commands/models.ts';
import { addProviderCommands } from './commands/providers.ts';
import { addRunCommands } from './commands/runs.ts';
import { addScheduleCommands } from './commands/schedules.ts';
import { addUsageCommand } from './commands/usage.ts';
import { addWebhookCommands } from './commands/webhooks.ts';
import { wantsNoColor } from './env.ts';
import { describeFailure, type Failure } from './failure.ts';
import { refuseSecretOption } from './secrets.ts';
import { createTerminal } from './terminal/terminal.ts';
import { printable, visibleJson } from './terminal/text.ts';
import { version } from './version.ts';

const exitCodeHelp = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 server not reachable, 4 key refused or too weak, 130 interrupted`;

const environmentHelp = `
Environment, also from the file .env of the checkout:
  NIGHTSHIFT_URL        the server; default: the one that runs on the data directory, else port $PORT or 3000 here
  NIGHTSHIFT_API_KEY    the key; default NIGHTSHIFT_ADMIN_KEY, then the admin key in the data directory
  NIGHTSHIFT_DATA       the server's data directory; default ./data in the checkout
  NO_COLOR              no colours

Examples:
  $ nightshift chat
  $ nightshift chat assistant --message "What time is it in Berlin?"
  $ git diff | nightshift chat reviewer
  $ nightshift runs list --status failed
  $ nightshift agents list --json`;

export function buildProgram(): Command {
  const program = new Command('nightshift')
    .description('Talks to a Nightshift server: its agents, their runs, its keys.')
    .version(version, '-V, --version', 'show the version')
    .option('--url <url>', 'address of the server')
    .option('--json', 'print one JSON document, or JSON lines where it is a stream; errors too, on stderr')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ showGlobalOptions: true })
    // Failures have one way out, in `runProgram`.
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', environmentHelp)
    .addHelpText('afterAll', exitCodeHelp);
  refuseSecretOption(program, '--api-key <key>', 'Set NIGHTSHIFT_API_KEY to it.');
  addChatCommand(program);
  addAgentCommands(program);
  addConversationCommands(program);
  addRunCommands(program);
  addScheduleCommands(program);
  addChannelCommands(program);
  addDeliveryCommands(program);
  addWebhookCommands(program);
  addProviderCommands(program);
  addModelsCommand(program);
  addUsageCommand(program);
  addLimitsCommand(program);
  addBudgetCommands(program);
  addEstimateCommand(program);
  addKeyCommands(program);
  addDoctorCommand(program);
  return program;
}

/** Runs one command line and sets the exit code. */
export async function runProgram(args: string[]): Promise<void> {
  const program = buildProgram();
  try {
    if (args.length === 0) program.help();
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // Help and version were shown because somebody asked for them.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const failure = describeFailure(error);
    if (!failure) throw error;
    process.exitCode = failure.exitCode;
    // A resource without a verb: its help was shown.
    if (error instanceof CommanderError && error.code === 'commander.help') return;
    showFailure(failure, args.includes('--json'));
  }
}

function showFailure({ error }: Failure, json: boolean): void {
  if (json) {
    process.stderr.write(`${visibleJson({ error })}\n`);
    return;
  }
  const { style, write } = createTerminal(process.stderr, { noColor: wantsNoColor() });
  write(`${style.red('nightshift:')} ${printable(error.message)}\n`);
  if (error.hint) write(`${style.dim(printable(error.hint))}\n`);
}
