/** What came of a run, as its client is told. */
import {
  type Failure,
  maxOpenaiAttachments,
  maxOpenaiBodyBytes,
  type RunOptions,
  type RunStatus,
  type StoredPart,
  type TokenUsage,
  type Waiting,
} from '@nightshift/contracts';
import { type Database, statement } from '../database/index.ts';
import { notFound } from '../errors/index.ts';
import { actedSql } from './openai-requests.ts';

export interface RunResult {
  runId: string;
  conversationId: string;
  agentName: string;
  status: RunStatus;
  error: Failure | null;
  waiting: Waiting | null;
  options: RunOptions;
  /** The last thing the agent said. */
  text: string;
  /** Why the model's last answer ended: end, length … */
  stop: string | null;
  /** It has used a tool that may have changed something. */
  acted: boolean;
  /** Sums over the ledger. */
  usage: TokenUsage;
  createdAt: Date;
  /** Null: it has not. */
  endedAt: Date | null;
}

const read = statement<RunResult>(`
  SELECT r.id AS "runId", r.conversation_id AS "conversationId", a.name AS "agentName", r.status, r.error, r.waiting,
    coalesce(r.options, '{}') AS options, r.created_at AS "createdAt",
    r.ended_at AS "endedAt", ${actedSql('$3')} AS acted,
    coalesce((SELECT m.content->0->>'text' FROM message m WHERE m.run_id = r.id AND m.role = 'assistant'
      ORDER BY m.seq DESC LIMIT 1), '') AS text,
    (SELECT s.output->>'stop' FROM step s WHERE s.run_id = r.id AND s.kind = 'model' AND s.status = 'succeeded'
      ORDER BY s.index DESC LIMIT 1) AS stop,
    (SELECT jsonb_build_object(
      'input', coalesce(sum(input_tokens), 0), 'cachedInput', coalesce(sum(cached_tokens), 0),
      'cacheWrite', coalesce(sum(cache_write_tokens), 0), 'output', coalesce(sum(output_tokens), 0),
      'reasoning', coalesce(sum(reasoning_tokens), 0)) FROM usage_entry u WHERE u.run_id = r.id) AS usage
  FROM run r JOIN agent a ON a.id = r.agent_id WHERE r.id = $1 AND r.team_id = $2`);

/** @throws {DomainError} not_found */
export async function readRunResult(
  db: Database,
  { teamId, runId, harmlessTools }: { teamId: string; runId: string; harmlessTools: readonly string[] },
): Promise<RunResult> {
  const [row] = await db.query(read, [runId, teamId, harmlessTools]);
  if (!row) throw notFound('run');
  return row;
}

/** What was said up to the end of a run, with the files. */
export interface Exchange {
  status: RunStatus;
  options: RunOptions;
  messages: { role: 'system' | 'user' | 'assistant'; content: StoredPart[] }[];
  files: { id: string; name: string; mediaType: string; data: Buffer }[];
}

const readSaid = statement<Omit<Exchange, 'files'>>(`
  SELECT r.status, coalesce(r.options, '{}') AS options, (
    SELECT coalesce(jsonb_agg(jsonb_build_object('role', m.role, 'content', m.content) ORDER BY m.seq), '[]')
    FROM message m WHERE m.conversation_id = r.conversation_id
      AND m.seq <= (SELECT max(o.seq) FROM message o WHERE o.run_id = r.id)
  ) AS messages
  FROM run r WHERE r.id = $1 AND r.team_id = $2`);

// The bytes of those that no request may have all at once are not read.
const readFiles = statement<Exchange['files'][number]>(`
  SELECT f.id, f.name, f.media_type AS "mediaType", f.data FROM file f JOIN (
    SELECT f.id, sum(octet_length(f.data)) OVER (ORDER BY f.id) - octet_length(f.data) AS before
    FROM file f JOIN run r ON r.conversation_id = f.conversation_id
    WHERE r.id = $1 AND r.team_id = $2 AND f.id = ANY ($3::uuid[]) AND f.data IS NOT NULL
  ) AS wanted ON wanted.id = f.id AND wanted.before <= ${maxOpenaiBodyBytes} ORDER BY f.id`);

/**
 * The files are those that the messages show, and no more than the first that is too many or too large for a request.
 *
 * @throws {DomainError} not_found
 */
export async function readExchange(db: Database, teamId: string, runId: string): Promise<Exchange> {
  const [said] = await db.query(readSaid, [runId, teamId]);
  if (!said) throw notFound('run');
  const shown = said.messages
    .filter(({ role }) => role !== 'system')
    .flatMap(({ content }) => content.flatMap((part) => (part.type === 'attachment' ? [part.fileId] : [])))
    .slice(0, maxOpenaiAttachments + 1);
  return { ...said, files: shown.length > 0 ? await db.query(readFiles, [runId, teamId, shown]) : [] };
}

const replies = statement<{ runId: string; text: string }>(`
  SELECT DISTINCT ON (r.id) r.id AS "runId", m.content->0->>'text' AS text
  FROM run r JOIN message m ON m.run_id = r.id AND m.role = 'assistant'
  WHERE r.team_id = $1 AND r.id = ANY ($2::uuid[]) AND r.options->'store' IS DISTINCT FROM 'false'
  ORDER BY r.id, m.seq DESC`);

/** What was answered in runs, by their ids. Those that may not be referred to are missing. */
export async function readReplies(
  db: Database,
  teamId: string,
  runIds: readonly string[],
): Promise<Map<string, string>> {
  if (runIds.length === 0) return new Map();
  const rows = await db.query(replies, [teamId, runIds]);
  return new Map(rows.map(({ runId, text }) => [runId, text]));
}
