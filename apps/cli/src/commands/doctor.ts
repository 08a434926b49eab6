import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import type { Finding } from '../doctor/finding.ts';
import { exitCodes } from '../failure.ts';
import { printable } from '../terminal/text.ts';

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('Check this machine and the server, and say what to do. 1 when something is wrong')
    .option('--talk', 'also ask an agent something, which may cost a few tokens')
    .addHelpText('after', '\nExamples:\n  $ nightshift doctor\n  $ nightshift doctor --talk --json')
    .action(
      withCli(async (cli, { talk = false }: { talk?: boolean }) => {
        const { examine } = await import('../doctor/examine.ts');
        const findings: Finding[] = [];
        for await (const finding of examine(cli, { talk })) {
          findings.push(finding);
          if (!cli.json) cli.stdout.write(renderFinding(cli, finding));
        }
        const wrong = findings.filter(({ status }) => status === 'failed').length;
        if (cli.json) cli.print({ ok: wrong === 0, findings }, String);
        else cli.stdout.write(`\n${summary(wrong)}\n`);
        return wrong === 0 ? exitCodes.ok : exitCodes.failed;
      }),
    );
}

const marks = { ok: '✓', warning: '!', failed: '✗', skipped: '·' } as const;
const colours = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'dim' } as const;
const nameWidth = 16;

function renderFinding({ stdout: { style } }: Cli, { name, status, detail, advice }: Finding): string {
  const mark = style[colours[status]](marks[status]);
  const shown =
    status === 'skipped'
      ? style.dim(`${name}: not checked, ${detail}`)
      : name.padEnd(nameWidth) + printable(detail);
  return `${mark} ${shown}\n${advice ? `${' '.repeat(nameWidth + 2)}${style.dim(`→ ${printable(advice)}`)}\n` : ''}`;
}

const summary = (wrong: number) =>
  wrong === 0 ? 'Nothing is wrong.' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`;
