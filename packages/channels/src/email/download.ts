/** Files that came with a mail. */
import { DocumentError } from '@nightshift/contracts';
import { ChannelError, type Download, type DownloadContext, type InboundAttachment } from '../channel.ts';
import type { EmailConnection } from './connection.ts';
import { readerOf } from './documents.ts';
import { maxMailBytes } from './events.ts';
import { withInbox } from './imap.ts';

/** See `ChannelAdapter.download`. The mail is read again as a whole: how it is made up is known only then. */
export async function download(
  { source }: InboundAttachment,
  connection: EmailConnection,
  context: DownloadContext,
): Promise<Download> {
  const gone = () => new ChannelError('rejected', 'The mail is no longer in the mailbox.');
  const { uid = '', uidValidity, index = '' } = source;
  if (!/^\d{1,20}$/.test(uid)) throw gone();
  const raw = await withInbox(connection, context, { readOnly: true }, async ({ client, mailbox }) => {
    if (String(mailbox.uidValidity) !== uidValidity) throw gone();
    const part = { start: 0, maxLength: maxMailBytes };
    const fetched = await client.fetchOne(uid, { source: part }, { uid: true });
    if (!fetched || fetched.source === undefined || fetched.source.length >= maxMailBytes) throw gone();
    return fetched.source;
  });
  const { mediaType, data } = await readerOf(context)
    .read('mailFile', raw, { index: Number(index) }, context.signal)
    .catch((error) => {
      if (error instanceof DocumentError)
        throw new ChannelError('rejected', `The file cannot be taken out of its mail. ${error.message}`, {
          cause: error,
        });
      if (context.signal.aborted)
        throw new ChannelError('retry', 'There was no time to take the file out of its mail.', {
          cause: error,
        });
      throw error;
    });
  if (data.length > context.maxBytes)
    throw new ChannelError('rejected', `It is larger than ${context.maxBytes} bytes.`);
  return { data, mediaType };
}
