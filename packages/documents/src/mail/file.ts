import { DocumentError, type MailFileContent } from '@nightshift/contracts/documents';
import { parseMail } from './parse.ts';

/** The task `mailFile`. @throws {DocumentError} unreadable: there is no such file */
export async function readFile(raw: Uint8Array, { index }: { index: number }): Promise<MailFileContent> {
  const attachment = (await parseMail(raw)).attachments[index];
  if (!attachment || typeof attachment.content === 'string')
    throw new DocumentError('unreadable', 'The mail has no such file.');
  return { mediaType: attachment.mimeType.slice(0, 200), data: new Uint8Array(attachment.content) };
}
