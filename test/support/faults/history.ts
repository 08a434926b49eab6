/** What the database says about what was sent: the one judge of every fault. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Sql } from './cluster.ts';
import { marksIn, type Sent } from './traffic.ts';

export interface Violations {
  /** Accepted, and not answered by a run that succeeded. */
  lost: string[];
  /** Answered more than once, or a step that finished more than once. */
  twice: string[];
  /** Answered after what was said later. */
  outOfOrder: string[];
}

/**
 * Waits until every run has ended, then compares the history with what was sent.
 *
 * @throws Error that lists what was violated, with the last lines of every process
 */
export async function assertNothingLost(
  cluster: Cluster,
  sent: readonly Sent[],
  withinMs = 120_000,
): Promise<void> {
  await allRunsEnded(cluster.sql, withinMs);
  const violations = await findViolations(cluster.sql, sent);
  const found = Object.entries(violations).filter(([, list]) => list.length > 0);
  if (found.length === 0) return;
  const lines = found.map(([kind, list]) => `${kind} (${list.length}): ${list.slice(0, 20).join(', ')}`);
  throw new Error(`${lines.join('\n')}\n${cluster.output()}`);
}

/** @throws Error when some still wait or run after `withinMs` */
export async function allRunsEnded(sql: Sql, withinMs = 120_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; ; await sleep(200)) {
    const open = await sql(`
      SELECT r.id, r.status, c.lease_owner, c.lease_until, now() - r.created_at AS age
      FROM run r JOIN conversation c ON c.id = r.conversation_id WHERE r.status IN ('queued', 'running') LIMIT 10`);
    if (open.length === 0) return;
    if (Date.now() > deadline) throw new Error(`Runs are still open: ${JSON.stringify(open, null, 1)}`);
  }
}

interface Message {
  id: string;
  conversation_id: string;
  role: 'user' | 'assistant';
  text: string;
  run_id: string;
  status: string;
}

/** The model server has to answer by `echoMarks`. */
export async function findViolations(sql: Sql, sent: readonly Sent[]): Promise<Violations> {
  const messages: Message[] = await sql(
    `SELECT m.id, m.conversation_id, m.role, m.content->0->>'text' AS text, m.run_id, r.status
     FROM message m JOIN run r ON r.id = m.run_id WHERE m.conversation_id = ANY ($1) ORDER BY m.conversation_id, m.seq`,
    [[...new Set(sent.map(({ conversationId }) => conversationId))]],
  );
  const violations: Violations = { lost: [], twice: await stepsFinishedTwice(sql), outOfOrder: [] };
  const byId = new Map(messages.map((message) => [message.id, message]));
  for (const { messageId, mark } of sent) {
    const status = byId.get(messageId)?.status ?? 'no row';
    if (status !== 'succeeded') violations.lost.push(`${mark} (${status})`);
  }
  for (const conversation of Map.groupBy(messages, ({ conversation_id }) => conversation_id).values()) {
    compare(conversation, violations);
  }
  return violations;
}

/** Each mark of the users has to stand in exactly one answer, of the run that it belongs to, in their order. */
function compare(conversation: readonly Message[], { lost, twice, outOfOrder }: Violations): void {
  const asked = conversation.filter(({ role }) => role === 'user');
  const runOf = new Map(asked.flatMap(({ text, run_id }) => marksIn(text).map((mark) => [mark, run_id])));
  const answered = conversation
    .filter(({ role }) => role === 'assistant')
    .flatMap(({ text, run_id }) => marksIn(text).map((mark) => ({ mark, run_id })));
  const order = [...runOf.keys()];
  let last = -1;
  const seen = new Set<string>();
  for (const { mark, run_id } of answered) {
    if (seen.has(mark) || runOf.get(mark) !== run_id) twice.push(mark);
    else if (order.indexOf(mark) < last) outOfOrder.push(mark);
    seen.add(mark);
    last = Math.max(last, order.indexOf(mark));
  }
  lost.push(...order.filter((mark) => !seen.has(mark)));
}

/** The ledger is written with a step's end, so one that ended well twice is charged for twice. */
async function stepsFinishedTwice(sql: Sql): Promise<string[]> {
  const rows = await sql(`
    SELECT run_id, step_index FROM usage_entry WHERE outcome = 'ok' GROUP BY run_id, step_index HAVING count(*) > 1
    UNION ALL
    SELECT run_id, index FROM step s JOIN run r ON r.id = s.run_id WHERE r.status = 'succeeded' AND s.status = 'started'`);
  return rows.map(({ run_id, step_index }) => `step ${step_index} of run ${run_id}`);
}
