/** What the server itself says in a chat: answers to commands, pairing codes, why a run failed. No model has a part in it. */
import type { Address, Failure } from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { threadLane } from './threads.ts';

export interface Notice {
  teamId: string;
  channelId: string;
  thread: Address;
  threadKey: string;
  /** Null: the thread has none. */
  conversationId: string | null;
  text: string;
}

const insert = statement<{ lane: string }>(`
  INSERT INTO delivery (team_id, lane, channel_id, conversation_id, thread, text, event)
  VALUES ($1, $2, $3, $4, $5, $6, 'notice') RETURNING lane`);

/** Puts it into the outbox, behind what is said there already. @returns the lane to wake */
export async function writeNotice(db: Pick<Database, 'query'>, notice: Notice): Promise<string> {
  const { teamId, channelId, thread, threadKey, conversationId, text } = notice;
  const lane = threadLane(channelId, threadKey);
  await db.query(insert, [teamId, lane, channelId, conversationId, JSON.stringify(thread), text]);
  return lane;
}

const causes: readonly (readonly [RegExp, string])[] = [
  [
    /^model_(rate|overload|server|network|timeout|malformed|truncated)$/,
    'The model cannot be reached at the moment. Send your message again in a few minutes.',
  ],
  [
    /^model_(auth|billing|quota|model|request)$|^no_model/,
    'The model refuses to answer. Tell the people who run this agent.',
  ],
  [/^model_context$/, 'This conversation has become too long. Send /new to begin another one.'],
  [/^model_content$/, "The model's filter stopped the answer. Say it in other words."],
  [/^model_empty$/, 'The model had nothing to say. Send your message again, or ask for less at once.'],
  [/^limit_/, 'This took more than the agent may use for one answer. Ask for less at once.'],
  [/^budget_/, 'The budget of this agent is used up. Tell the people who run it, or try again later.'],
  [/^agent_deleted$/, 'This agent is no longer there. Send /new to begin with another one.'],
];

/** Why a run failed, for somebody in a chat who can mend nothing of it. */
export function failureNotice({ code }: Failure, runId: string): string {
  const cause = causes.find(([pattern]) => pattern.test(code))?.[1];
  return (
    cause ??
    `Something went wrong here. Send your message again; if it keeps failing, name this to the people who run the agent: ${runId}`
  );
}
