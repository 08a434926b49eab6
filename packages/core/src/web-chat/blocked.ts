import { createHash } from 'node:crypto';
import { type Database, statement } from '../database/index.ts';
import type { Thread } from './timeline.ts';

const read = statement<{ blocked: boolean }>(`
  SELECT status = 'blocked' AS blocked FROM identity WHERE channel_id = $1 AND external_id = $2`);

/** Whether somebody has blocked the visitor whose thread this is. */
export async function isVisitorBlocked(db: Database, { channelId, threadKey }: Thread): Promise<boolean> {
  return (await db.query(read, [channelId, threadKey]))[0]?.blocked ?? false;
}

/** The id under which the bus signals (topic `identity`) that a visitor was blocked or approved. */
export const visitorSignal = ({ channelId, threadKey }: Thread): string =>
  `${channelId}/${createHash('md5').update(threadKey).digest('hex')}`;
