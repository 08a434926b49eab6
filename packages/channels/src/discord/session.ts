/** What of a gateway session outlives its socket, as the cursor of a connection: by it another worker goes on. */

import type { SessionInfo } from '@discordjs/ws';
import { z } from 'zod';

const Session = z.object({
  sessionId: z.string().min(1),
  resumeUrl: z.string().min(1),
  /** The last dispatch whose events are stored. */
  sequence: z.number().int().nonnegative(),
  /** Who we are there, which Discord says only when a session begins. */
  selfId: z.string().min(1),
});

export type Session = z.infer<typeof Session>;

/** Null: there is none, or it is of a version that wrote it differently. */
export function readSession(cursor: string | null): Session | null {
  if (cursor === null) return null;
  try {
    return Session.parse(JSON.parse(cursor));
  } catch {
    return null;
  }
}

/** As discord.js knows it. We are one shard. */
export const toSessionInfo = ({ sessionId, resumeUrl, sequence }: Session): SessionInfo => ({
  sessionId,
  sequence,
  resumeURL: resumeUrl,
  shardId: 0,
  shardCount: 1,
});
