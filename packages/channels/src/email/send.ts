/** What goes out: answers in the thread of the mail that they answer. */
import MailComposer from 'nodemailer/lib/mail-composer';
import {
  type Address,
  ChannelError,
  type OutgoingFile,
  type Part,
  type SendContext,
  type SendReceipt,
} from '../channel.ts';
import type { EmailConnection } from './connection.ts';
import { submit } from './smtp.ts';
import { answerSubject, messageIdFor } from './threading.ts';

type Content = NonNullable<ConstructorParameters<typeof MailComposer>[0]>;

/** See `ChannelAdapter.send`. */
export const send = (
  { text, html }: Part,
  to: Address,
  connection: EmailConnection,
  context: SendContext,
): Promise<SendReceipt> =>
  post({ text, ...(html !== undefined && { html: documentOf(html) }) }, to, connection, context);

/** See `ChannelAdapter.sendFile`. */
export const sendFile = (
  { name, mediaType, data }: OutgoingFile,
  to: Address,
  connection: EmailConnection,
  context: SendContext,
): Promise<SendReceipt> => {
  const filename = name.replace(/[\p{Cc}/\\"]+/gu, '_');
  const attachment = { filename, contentType: mediaType, content: Buffer.from(data) };
  return post({ text: filename, attachments: [attachment] }, to, connection, context);
};

/** Mail programs that show HTML choose a serif letter where none is named. */
const documentOf = (html: string): string =>
  `<!DOCTYPE html>\n<html><body style="font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">\n${html}\n</body></html>`;

async function post(
  content: Content,
  to: Address,
  connection: EmailConnection,
  context: SendContext,
): Promise<SendReceipt> {
  const { settings } = connection;
  const recipients = [...list(to.to), ...list(to.cc)];
  if (recipients.length === 0) throw new ChannelError('rejected', 'There is nobody to send it to.');
  const messageId = messageIdFor(to, context.idempotencyKey, settings);
  const message = await new MailComposer({
    from: { name: settings.name ?? '', address: settings.address },
    to: list(to.to),
    ...(to.cc && { cc: list(to.cc) }),
    subject: to.begins ? to.subject : answerSubject(to.subject),
    messageId,
    ...(to.messageId && { inReplyTo: to.messageId }),
    ...(to.references && { references: to.references }),
    headers: {
      // Programs that answer by themselves, of which we are one, leave it alone: https://www.rfc-editor.org/rfc/rfc3834#section-5
      'Auto-Submitted': 'auto-replied',
      'X-Auto-Response-Suppress': 'All',
    },
    disableFileAccess: true,
    disableUrlAccess: true,
    ...content,
  })
    .compile()
    .build();
  const refused = await submit({ from: settings.address, to: recipients }, message, connection, context);
  return { messageId, ...(refused.length > 0 && { refused: refused.join(', ') }) };
}

const list = (addresses = ''): string[] => addresses.split(', ').filter(Boolean);
