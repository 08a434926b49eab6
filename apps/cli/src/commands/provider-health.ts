import type { ProviderHealth } from '@nightshift/contracts';
import type { Command } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { ago, duration } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { oneLine } from '../terminal/text.ts';

interface HealthOptions {
  /** Of one target, or of all. */
  reset?: string | true;
}

export function addProviderHealthCommand(providers: Command): void {
  providers
    .command('health')
    .description(
      'What the workers have learned of each model and key: what works, what is left alone and why',
    )
    .option('--reset [target]', 'first close what has been mended: of provider/model, or all')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift providers health
  $ nightshift providers health --reset openai/gpt-5.4`,
    )
    .action(
      withCli(async (cli, { reset }: HealthOptions) => {
        const { providers: api } = cli.client;
        const list =
          reset === undefined
            ? await api.health()
            : await api.resetHealth(reset === true ? {} : { target: reset });
        cli.print(list, () => renderHealth(cli, list));
      }),
    );
}

function renderHealth({ stdout }: Cli, list: readonly ProviderHealth[]): string {
  const { style } = stdout;
  if (list.length === 0) return 'No model was called within the last seven days: nothing is known yet.\n';
  const rows = table(
    list,
    [
      { header: 'MODEL', value: ({ target }) => target, shrinks: true },
      {
        header: 'KEY',
        value: ({ credentialId, keyLabel }) => (credentialId ? keyLabel! : '-'),
        shrinks: true,
      },
      {
        header: 'STATE',
        value: ({ state }) => state,
        paint: (text, { state }) => (state === 'closed' ? style.green(text) : style.red(text)),
      },
      {
        header: 'AGAIN IN',
        value: ({ state, openUntil }) =>
          state === 'open' ? duration(Math.max(0, Date.parse(openUntil!) - Date.now())) : '-',
      },
      { header: 'FAILURES', value: ({ failures }) => String(failures), align: 'right', optional: true },
      {
        header: 'FIRST TOKEN',
        value: ({ firstTokenMs }) => (firstTokenMs === null ? '-' : duration(firstTokenMs)),
        align: 'right',
      },
      { header: 'ANSWERED', value: ({ succeededAt }) => ago(succeededAt), optional: true },
    ],
    stdout,
  );
  const reasons = list.flatMap(({ state, target, keyLabel, lastError }) =>
    state === 'closed' || !lastError
      ? []
      : [
          `${style.red(target + (keyLabel ? `, ${oneLine(keyLabel)}` : ''))}: ${oneLine(lastError.message)} ${style.dim(ago(lastError.at))}\n`,
        ],
  );
  return reasons.length === 0 ? rows : `${rows}\n${reasons.join('')}`;
}
