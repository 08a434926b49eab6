import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { type Agent, type AgentUpdate, describeModel, type ModelPolicy } from '@nightshift/contracts';
import { type Command, Option } from 'commander';
import { type Cli, withCli } from '../cli.ts';
import { CliError } from '../failure.ts';
import { integer, type ListOptions, withPages } from '../options.ts';
import { findAgent, shortId, takeList } from '../records.ts';
import { ago, count } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { indent, oneLine, printable } from '../terminal/text.ts';

interface AgentOptions {
  name?: string;
  model?: string;
  policy?: string;
  instructions?: string;
  instructionsFile?: string;
  allowTool?: string[];
  blockTool?: string[];
  queueMode?: Agent['queueMode'];
  maxSteps?: number;
  maxSeconds?: number;
  maxTokens?: number;
}

export function addAgentCommands(program: Command): void {
  const agents = program.command('agents').description('Agents: list, show, create, update, delete');

  withPages(agents.command('list'))
    .description('List the agents, newest first')
    .addHelpText('after', "\nExample:\n  $ nightshift agents list --all --json | jq -r '.[].name'")
    .action(
      withCli(async (cli, options: ListOptions) => {
        const list = await takeList(cli, (page) => cli.client.agents.list(page), options);
        cli.print(list, () =>
          list.length > 0
            ? table(
                list,
                [
                  { header: 'NAME', value: ({ name }) => name, shrinks: true },
                  { header: 'MODEL', value: ({ model }) => describeModel(model), shrinks: true },
                  { header: 'CHANGED', value: ({ updatedAt }) => ago(updatedAt), optional: true },
                  { header: 'ID', value: ({ id }) => shortId(id, cli.stdout), paint: cli.stdout.style.dim },
                ],
                cli.stdout,
              )
            : 'There is no agent yet. Make one: nightshift agents create assistant\n',
        );
      }),
    );

  agents
    .command('show')
    .description('Show an agent')
    .argument('<agent>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift agents show assistant')
    .action(
      withCli(async (cli, wanted: string) => {
        const agent = await findAgent(cli.client, wanted);
        cli.print(agent, () => describeAgent(cli, agent));
      }),
    );

  withAgentOptions(agents.command('create'))
    .description('Make an agent')
    .argument('<name>', 'unique in the team')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift agents create reviewer --model openai/gpt-5.4 --instructions "Review diffs. Be brief."
  $ nightshift agents create writer --instructions-file writer.md --max-seconds 300
  $ nightshift agents create steady --policy '{"targets": [{"model": "openai/gpt-5.4"}, {"model": "mistral/mistral-medium-latest", "tier": 2}]}'`,
    )
    .action(
      withCli(async (cli, name: string, options: AgentOptions) => {
        const { tools, ...settings } = await readSettings(options);
        const agent = await cli.client.agents.create({ ...settings, name, ...(tools && { tools }) });
        cli.print(agent, () => describeAgent(cli, agent));
      }),
    );

  withAgentOptions(agents.command('update'))
    .description('Change what is named of an agent, and nothing else')
    .argument('<agent>', 'name or id')
    .option('--name <name>', 'its new name')
    .addHelpText(
      'after',
      `
Examples:
  $ nightshift agents update assistant --model anthropic/claude-sonnet-5
  $ nightshift agents update assistant --policy policy.json
  $ nightshift agents update assistant --block-tool notes.delete`,
    )
    .action(
      withCli(async (cli, wanted: string, options: AgentOptions) => {
        const settings = await readSettings(options);
        if (Object.keys(settings).length === 0) throw new CliError('usage', 'Name something to change.');
        const current = await findAgent(cli.client, wanted);
        const agent = await cli.client.agents.update(current.id, {
          ...settings,
          ...(settings.tools && { tools: { ...current.tools, ...settings.tools } }),
        });
        cli.print(agent, () => describeAgent(cli, agent));
      }),
    );

  agents
    .command('delete')
    .description('Delete an agent; its conversations and runs stay readable')
    .argument('<agent>', 'name or id')
    .addHelpText('after', '\nExample:\n  $ nightshift agents delete reviewer')
    .action(
      withCli(async (cli, wanted: string) => {
        const agent = await findAgent(cli.client, wanted);
        await cli.client.agents.delete(agent.id);
        cli.print({ id: agent.id, deleted: true }, () => `The agent ${oneLine(agent.name)} is deleted.\n`);
      }),
    );
}

const withAgentOptions = (command: Command) =>
  command
    .option('--model <model>', '"auto" or provider/model')
    .addOption(
      new Option(
        '--policy <policy>',
        'several models and how to choose: JSON, or a file of it; - is stdin',
      ).conflicts('model'),
    )
    .option('--instructions <text>', 'what it is for and how it should behave')
    .addOption(
      new Option('--instructions-file <file>', 'the same, from a file; - is stdin').conflicts('instructions'),
    )
    .option('--allow-tool <name...>', 'tools it may use again')
    .option('--block-tool <name...>', 'tools it may not use')
    .addOption(
      new Option('--queue-mode <mode>', 'what a message does that comes while it answers').choices([
        'steer',
        'followup',
        'interrupt',
      ] satisfies Agent['queueMode'][]),
    )
    .option('--max-steps <n>', 'model and tool calls of one run', integer)
    .option('--max-seconds <n>', 'wall time of one run', integer)
    .option('--max-tokens <n>', 'tokens of one run', integer);

/** What the options set, nothing else, so that an update leaves the rest as it is. */
async function readSettings(options: AgentOptions): Promise<AgentUpdate> {
  const { name, model, queueMode, maxSteps, maxSeconds, maxTokens, allowTool = [], blockTool = [] } = options;
  const instructions =
    options.instructionsFile === undefined ? options.instructions : await readText(options.instructionsFile);
  const tools = {
    ...Object.fromEntries(allowTool.map((tool) => [tool, 'allow' as const])),
    ...Object.fromEntries(blockTool.map((tool) => [tool, 'block' as const])),
  };
  const limits = { maxSteps, maxSeconds, maxTokens };
  return {
    ...(name !== undefined && { name }),
    ...(model !== undefined && { model }),
    ...(options.policy !== undefined && { model: await readPolicy(options.policy) }),
    ...(queueMode !== undefined && { queueMode }),
    ...(instructions !== undefined && { instructions }),
    ...(Object.keys(tools).length > 0 && { tools }),
    ...(Object.values(limits).some((limit) => limit !== undefined) && { limits }),
  };
}

/** Whether it is a good one, the server says. */
async function readPolicy(given: string): Promise<ModelPolicy> {
  const inline = given.trimStart().startsWith('{');
  const text = inline ? given : await readText(given);
  try {
    return JSON.parse(text) as ModelPolicy;
  } catch (error) {
    throw new CliError('usage', `${inline ? 'The policy' : given} is not JSON: ${(error as Error).message}`);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError('failed', `${file} cannot be read: ${(error as Error).message}`);
  }
}

function describeAgent({ stdout: { style } }: Cli, agent: Agent): string {
  const blocked = Object.keys(agent.tools).filter((tool) => agent.tools[tool] === 'block');
  const { maxSteps, maxSeconds, maxTokens } = agent.limits;
  const line = (label: string, value: string) => `  ${style.dim(label.padEnd(14))}${value}\n`;
  return [
    `${style.bold(oneLine(agent.name))}\n`,
    line('id', agent.id),
    line('model', oneLine(describeModel(agent.model))),
    ...(typeof agent.model === 'string' ? [] : describePolicy(agent.model).map((text) => line('', text))),
    line('tools', blocked.length === 0 ? 'all' : `all but ${blocked.map(oneLine).join(', ')}`),
    line('queue mode', agent.queueMode),
    line('limits', `${maxSteps} steps, ${maxSeconds} s, ${count(maxTokens)} tokens a run`),
    line('changed', ago(agent.updatedAt)),
    `  ${style.dim('instructions')}\n${indent(printable(agent.instructions).trimEnd() || style.dim('none'))}\n`,
  ].join('');
}

/** Its targets, one a line, in the order of their tiers. */
function describePolicy({ targets, pick, routes }: ModelPolicy): string[] {
  const describe = (list: ModelPolicy['targets'], task: string) =>
    list
      .toSorted((a, b) => a.tier - b.tier)
      .map(
        ({ model, tier, weight }) =>
          `${task}tier ${tier}: ${oneLine(model)}${pick === 'weight' ? `, weight ${weight}` : ''}`,
      );
  return [
    ...describe(targets, ''),
    ...routes.flatMap((route) => describe(route.targets, `${route.when.task}, `)),
  ];
}
