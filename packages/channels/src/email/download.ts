/** Files that came with a mail. */
import { ChannelError, type Download, type DownloadContext, type InboundAttachment } from '../channel.ts';
import type { EmailConnection } from './connection.ts';
import { maxMailBytes, withInbox } from './imap.ts';
import { parseMail } from './mail.ts';

/** See `ChannelAdapter.download`. The mail is read again as a whole: how it is made up is known only then. */
export async function download(
  { source }: InboundAttachment,
  connection: EmailConnection,
  context: DownloadContext,
): Promise<Download> {
  const gone = () => new ChannelError('rejected', 'The mail is no longer in the mailbox.');
  const { uid = '', uidValidity, index = '' } = source;
  if (!/^\d+$/.test(uid)) throw gone();
  const raw = await withInbox(connection, context, { readOnly: true }, async ({ client, mailbox }) => {
    if (String(mailbox.uidValidity) !== uidValidity) throw gone();
    const about = await client.fetchOne(uid, { size: true }, { uid: true });
    if (!about || (about.size ?? 0) > maxMailBytes) throw gone();
    const fetched = await client.fetchOne(uid, { source: true }, { uid: true });
    if (!fetched || fetched.source === undefined) throw gone();
    return fetched.source;
  });
  const attachment = (await parseMail(raw)).attachments[Number(index)];
  if (!attachment || typeof attachment.content === 'string') throw gone();
  const data = new Uint8Array(attachment.content);
  if (data.length > context.maxBytes)
    throw new ChannelError('rejected', `It is larger than ${context.maxBytes} bytes.`);
  return { data, mediaType: attachment.mimeType };
}
