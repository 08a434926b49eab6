import {
  BudgetAction,
  BudgetScope,
  BudgetUnit,
  BudgetWindow,
  ChannelStatus,
  DeliveryStatus,
  IdentityStatus,
  Misfire,
  Overlap,
  QueueMode,
  Role,
  RunStatus,
  ScheduleStatus,
  WebhookEventType,
} from '@nightshift/contracts';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { describeFailure } from './failure.ts';
import { buildProgram } from './program.ts';

/** The whole help of a command, with what is added to it. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);

const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

describe('the command line', () => {
  const commands = leaves(buildProgram());

  it.each(commands.map(pathOf))(
    '%s repeats nothing that somebody typed where it does not belong',
    async (path) => {
      const words = path.split(' ').slice(1);
      const secret = 'sk-0123456789';
      for (const wrong of [
        [...Array(6).fill('x'), secret],
        [`--no-such-option=${secret}`],
        [`--no-such-option='${secret}'`],
      ]) {
        const error = await buildProgram()
          .parseAsync([...words, ...wrong], { from: 'user' })
          .then(() => undefined, describeFailure);
        // Some ask for an option that is needed first.
        expect(error?.error.code).toBe('usage');
        expect(JSON.stringify(error)).not.toContain(secret);
      }
    },
  );

  it('has these commands', () => {
    expect(commands.map(pathOf)).toEqual([
      'nightshift chat',
      ...['list', 'show', 'create', 'update', 'delete'].map((verb) => `nightshift agents ${verb}`),
      ...['list', 'show'].map((verb) => `nightshift conversations ${verb}`),
      ...['list', 'show', 'cancel', 'retry'].map((verb) => `nightshift runs ${verb}`),
      ...['list', 'show', 'create', 'update', 'pause', 'resume', 'run', 'delete'].map(
        (verb) => `nightshift schedules ${verb}`,
      ),
      ...[
        'add',
        'list',
        'show',
        'update',
        'test',
        'pause',
        'resume',
        'remove',
        'traffic',
        'pair',
        'people',
        'places',
      ].map((verb) => `nightshift channels ${verb}`),
      ...['list', 'show', 'retry'].map((verb) => `nightshift deliveries ${verb}`),
      ...['list', 'create', 'update', 'delete', 'test'].map((verb) => `nightshift webhooks ${verb}`),
      ...['list', 'add', 'test', 'rotate', 'update', 'remove', 'health'].map(
        (verb) => `nightshift providers ${verb}`,
      ),
      'nightshift models',
      'nightshift usage',
      'nightshift limits',
      ...['list', 'create', 'update', 'delete'].map((verb) => `nightshift budgets ${verb}`),
      'nightshift estimate',
      ...['list', 'create', 'revoke'].map((verb) => `nightshift keys ${verb}`),
      'nightshift doctor',
    ]);
  });

  it.each(commands.map((command) => [pathOf(command), command] as const))(
    '%s has an example, the exit codes and the common options in its help',
    (path, command) => {
      const help = helpOf(command);
      expect(help.slice(help.indexOf('Example'))).toContain(path);
      expect(help).toMatch(/Exit codes: 0 done.*2 wrong usage.*3 server not reachable.*4 key refused/);
      expect(help).toContain('--json');
      expect(help).toContain('--url');
    },
  );

  // The contracts themselves take longer to load than most commands to run.
  it.each([
    ['nightshift runs list', '--status', RunStatus.options],
    ['nightshift schedules list', '--status', ScheduleStatus.options],
    ['nightshift schedules create', '--misfire', Misfire.options],
    ['nightshift schedules create', '--overlap', Overlap.options],
    ['nightshift deliveries list', '--status', DeliveryStatus.options],
    ['nightshift channels list', '--status', ChannelStatus.options],
    ['nightshift channels people', '--status', IdentityStatus.options],
    ['nightshift webhooks create', '--event', WebhookEventType.options],
    ['nightshift budgets create', '--scope', BudgetScope.options],
    ['nightshift budgets create', '--window', BudgetWindow.options],
    ['nightshift budgets create', '--unit', BudgetUnit.options],
    ['nightshift budgets create', '--action', BudgetAction.options],
    ['nightshift keys create', '--role', Role.options],
    ['nightshift agents create', '--queue-mode', QueueMode.options],
  ])('%s takes for %s what the contract knows', (path, flag, options) => {
    const command = commands.find((command) => pathOf(command) === path);
    expect(command?.options.find(({ long }) => long === flag)?.argChoices).toEqual(options);
  });

  it.each([
    [['agents', 'shwo'], "unknown command 'shwo'"],
    [['agents', 'list', '--x'], "unknown option '--x'"],
    [['agents', 'show'], "missing required argument 'agent'"],
    [['agents', 'list', 'extra'], 'too many arguments'],
    [['agents', 'create', 'x', '--max-steps', '0'], 'whole number above 0'],
    [['agents', 'create', 'x', '--instructions', 'a', '--instructions-file', 'b'], 'cannot be used with'],
    [['keys', 'create', 'x', '--role', 'god'], 'Allowed choices are owner, admin, member, viewer'],
    [['runs', 'list', '--status', 'odd'], 'Allowed choices are queued'],
    [['runs', 'list', '--limit', 'many'], 'whole number above 0'],
    [['usage', '--by', 'agent,colour'], 'There is no "colour". There are: agent, member'],
    [['usage', '--by', 'agent,model,day,member'], 'at most three'],
    [['usage', '--since', 'yesterday'], 'It has to be like 24h'],
    [['budgets', 'create', 'x'], "required option '--max <amount>'"],
  ])('refuses %j before it asks the server', async (args, message) => {
    await expect(buildProgram().parseAsync(args, { from: 'user' })).rejects.toThrow(message);
  });
});
