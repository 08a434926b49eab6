/** What comes with messages. A message's content refers to a file; its bytes are fetched by whoever works on the message. */
import { createHash } from 'node:crypto';
import {
  type Address,
  type AttachmentPart,
  cutText,
  endOfText,
  type InboundAttachment,
  maxAttachments,
  storableText,
} from '@nightshift/contracts';
import { type Database, newId, statement } from '../database/index.ts';

/** Longer ones are no names. */
const maxNameLength = 200;

/** A file that nobody has fetched yet, as its row is made. */
export interface AnnouncedFile {
  id: string;
  name: string;
  media_type: string;
  bytes: number | null;
  source: Address;
}

/** What becomes files. At most so many are taken, see `maxAttachments`. */
export function announceFiles(attachments: readonly InboundAttachment[]): AnnouncedFile[] {
  return attachments.slice(0, maxAttachments).map(({ name, mediaType, bytes, source }) => ({
    id: newId(),
    name: endOfText(name, maxNameLength) || 'file',
    media_type: cutText(mediaType, maxNameLength),
    // A platform may claim anything.
    bytes: bytes !== null && bytes <= 2_147_483_647 ? bytes : null,
    source,
  }));
}

/** What a message's content says of a file. */
export const attachmentOf = ({ id, name, media_type }: AnnouncedFile): AttachmentPart => ({
  type: 'attachment',
  fileId: id,
  name,
  mediaType: media_type,
});

export interface StoredFile {
  id: string;
  name: string;
  mediaType: string;
  status: 'announced' | 'ready' | 'failed';
  source: Record<string, string>;
  bytes: number | null;
  data: Buffer | null;
  problem: string | null;
}

const read = statement<StoredFile>(`
  SELECT id, name, media_type AS "mediaType", status, source, bytes, data, problem
  FROM file WHERE conversation_id = $1 AND id = ANY ($2::uuid[])`);

/** Files of one conversation; those that are not there are missing. */
export const readFiles = (
  db: Database,
  conversationId: string,
  ids: readonly string[],
): Promise<StoredFile[]> => db.query(read, [conversationId, ids]);

const store = statement(`
  UPDATE file SET status = 'ready', data = $2, bytes = $3, sha256 = $4, media_type = coalesce($5, media_type)
  WHERE id = $1 AND status <> 'ready'`);

/** Keeps the bytes. */
export async function storeFile(
  db: Database,
  id: string,
  { data, mediaType }: { data: Uint8Array; mediaType?: string | undefined },
): Promise<void> {
  const sha256 = createHash('sha256').update(data).digest();
  const type = mediaType === undefined ? null : storableText(mediaType);
  await db.query(store, [id, Buffer.from(data), data.length, sha256, type]);
}

const fail = statement(
  `UPDATE file SET status = 'failed', problem = $2 WHERE id = $1 AND status = 'announced'`,
);

/** There will be no bytes. `problem` is for people. */
export async function failFile(db: Database, id: string, problem: string): Promise<void> {
  await db.query(fail, [id, storableText(problem)]);
}
