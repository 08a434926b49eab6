/** What people can type in every chat instead of a message to the agent. It is answered without a model. */
import { type ChannelRoute, cutText } from '@nightshift/contracts';
import { splitFirstWord } from '@nightshift/contracts/text';
import { type Database, statement } from '../database/index.ts';
import { leaveThread } from './threads.ts';

const commandNames = ['new', 'stop', 'status', 'usage', 'help', 'agent'] as const;
export type CommandName = (typeof commandNames)[number];

export interface Command {
  name: CommandName;
  argument: string;
}

/** The command that a text is; null: it is none of ours. Some platforms add whom it is for: `/new@my_bot`. */
export function parseCommand(text: string): Command | null {
  const [word, argument] = splitFirstWord(text);
  const called = /^\/([a-z]{1,20})(?:@.|$)/is.exec(word)?.[1]?.toLowerCase();
  const name = commandNames.find((known) => known === called);
  return name ? { name, argument } : null;
}

/** Where a command was given. */
export interface CommandScope {
  teamId: string;
  channelId: string;
  /** The channel's own agent. */
  agentId: string | null;
  routes: readonly ChannelRoute[];
  /** Null: the thread has none yet. */
  conversation: { id: string; agentId: string } | null;
  /** Makes one for the thread, held by that agent. @returns its id; null: there is no such agent any more */
  begin(agentId: string): Promise<string | null>;
}

export interface CommandAnswer {
  text: string;
  /** The thread's conversation from now on. */
  conversationId: string | null;
  /** Runs that were under way or waited, and are to stop. */
  stopped: readonly StoppedRun[];
}

export interface StoppedRun {
  id: string;
  /** It had not begun, and so is over. */
  over: boolean;
}

type Query = Pick<Database, 'query'>;

// The conversation comes first, as everywhere: its row is the lane's lock. From here on no message joins a run.
const stop = statement<StoppedRun>(`
  WITH lane AS (
    UPDATE conversation SET steerable_run_id = NULL WHERE id = $1 RETURNING id
  )
  UPDATE run r SET cancel_requested_at = coalesce(r.cancel_requested_at, now()), waiting = NULL,
    status = CASE WHEN r.status = 'queued' THEN 'cancelled'::run_status ELSE r.status END,
    ended_at = CASE WHEN r.status = 'queued' THEN now() END
  FROM lane WHERE r.conversation_id = lane.id AND r.status IN ('queued', 'running')
  RETURNING r.id, r.status = 'cancelled' AS over`);

const agentNames = statement<{ id: string; name: string }>(`
  SELECT id, name FROM agent WHERE id = ANY ($1::uuid[]) AND team_id = $2 AND deleted_at IS NULL`);

type StatusRow = {
  agent: string;
  messages: number;
  running: number;
  queued: number;
  seconds: number | null;
  model: string | null;
};

const status = statement<StatusRow>(`
  SELECT a.name AS agent, c.next_seq - 1 AS messages,
    (SELECT count(*)::int FROM run r WHERE r.conversation_id = c.id AND r.status = 'running') AS running,
    (SELECT count(*)::int FROM run r WHERE r.conversation_id = c.id AND r.status = 'queued') AS queued,
    (SELECT extract(epoch FROM now() - min(r.started_at))::int FROM run r WHERE r.conversation_id = c.id AND r.status = 'running') AS seconds,
    (SELECT r.model FROM run r WHERE r.conversation_id = c.id AND r.model IS NOT NULL ORDER BY r.created_at DESC LIMIT 1) AS model
  FROM conversation c JOIN agent a ON a.id = c.agent_id WHERE c.id = $1`);

type UsageRow = { runs: number; input: string; output: string; usd: string | null; priced: boolean };

const usage = statement<UsageRow>(`
  SELECT coalesce(sum(u.runs), 0)::int AS runs, coalesce(sum(u.input_tokens), 0) AS input,
    coalesce(sum(u.output_tokens), 0) AS output, round(coalesce(sum(u.cost_usd), 0), 4) AS usd,
    coalesce(bool_and(u.cost_usd IS NOT NULL), true) AS priced
  FROM usage_entry u
  WHERE u.team_id = $1 AND u.created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
    AND u.conversation_id = $2`);

const helpText = `What I understand besides messages:
/new – begin a new conversation; I forget this one
/stop – stop what I am doing
/status – what I am doing
/usage – what this conversation has used this month
/agent – who answers here, and who else could
/help – this list`;

const nothingYet = 'There is no conversation here yet. Send a message to begin one.';

/** Does what it says, in the caller's transaction. */
export async function runCommand(db: Query, command: Command, scope: CommandScope): Promise<CommandAnswer> {
  const { conversation } = scope;
  const say = (text: string, more: Partial<CommandAnswer> = {}): CommandAnswer => ({
    text,
    conversationId: conversation?.id ?? null,
    stopped: [],
    ...more,
  });
  switch (command.name) {
    case 'help':
      return say(helpText);
    case 'agent':
      return chooseAgent(db, command.argument, scope, say);
    case 'new': {
      const stopped = conversation ? await db.query(stop, [conversation.id]) : [];
      const agentId = conversation?.agentId ?? scope.agentId;
      if (!agentId) return say(noAgent);
      if (conversation) await leaveThread(db, conversation.id);
      return say('A new conversation begins here. I have forgotten the one before.', {
        stopped,
        conversationId: await scope.begin(agentId),
      });
    }
    case 'stop': {
      const stopped = conversation ? await db.query(stop, [conversation.id]) : [];
      return say(
        stopped.length > 0 ? 'Stopped.' : 'There is nothing to stop: I am not doing anything here.',
        {
          stopped,
        },
      );
    }
    case 'status': {
      const [row] = conversation ? await db.query(status, [conversation.id]) : [];
      return say(row ? statusText(row) : nothingYet);
    }
    case 'usage': {
      const [row] = conversation ? await db.query(usage, [scope.teamId, conversation.id]) : [];
      return say(row ? usageText(row) : nothingYet);
    }
  }
}

export const noAgent = 'No agent answers here at the moment. Tell the people who run this.';

function statusText({ agent, messages, running, queued, seconds, model }: StatusRow): string {
  const doing =
    running > 0 ? `working for ${seconds ?? 0} s` : queued > 0 ? 'about to begin' : 'waiting for you';
  const waiting = running > 0 && queued > 0 ? ` Behind it ${queued} more wait.` : '';
  return `${agent} is ${doing}.${waiting}\nMessages here: ${messages}. Model: ${model ?? 'none asked yet'}.`;
}

function usageText({ runs, input, output, usd, priced }: UsageRow): string {
  const tokens = `${Number(input).toLocaleString('en')} tokens read, ${Number(output).toLocaleString('en')} written`;
  return `This conversation, this month: ${runs} ${runs === 1 ? 'answer' : 'answers'}, ${tokens}, ${priced ? '' : 'at least '}$${usd}.`;
}

/** People may choose the channel's own agent, and those that a route gives a command. */
async function chooseAgent(
  db: Query,
  wanted: string,
  { teamId, agentId, routes, conversation, begin }: CommandScope,
  say: (text: string, more?: Partial<CommandAnswer>) => CommandAnswer,
): Promise<CommandAnswer> {
  const byCommand = new Map(
    routes.flatMap(({ when, agentId: id }) =>
      when.command ? [[when.command.toLowerCase(), id] as const] : [],
    ),
  );
  const ids = [...new Set([agentId, conversation?.agentId, ...byCommand.values()])].filter(Boolean);
  const names = new Map((await db.query(agentNames, [ids, teamId])).map(({ id, name }) => [id, name]));
  const choices = [
    ...(agentId && names.has(agentId) ? [[names.get(agentId)!.toLowerCase(), agentId] as const] : []),
    ...[...byCommand].filter(([, id]) => names.has(id)),
  ];
  const current = names.get(conversation?.agentId ?? agentId ?? '');
  const list = choices.map(([word, id]) => `/agent ${word} – ${names.get(id)}`).join('\n');
  if (!wanted) return say(`${current ?? 'Nobody'} answers here.\n${list}`.trim());
  const chosen = choices.find(([word]) => word === wanted.toLowerCase())?.[1];
  if (!chosen) return say(`There is no agent "${cutText(wanted, 50)}" to choose here.\n${list}`.trim());
  if (chosen === conversation?.agentId) return say(`${names.get(chosen)} answers here already.`);
  // An agent has its own memory of a conversation: another one begins anew.
  const stopped = conversation ? await db.query(stop, [conversation.id]) : [];
  if (conversation) await leaveThread(db, conversation.id);
  return say(`${names.get(chosen)} answers here from now on, in a new conversation.`, {
    stopped,
    conversationId: await begin(chosen),
  });
}
