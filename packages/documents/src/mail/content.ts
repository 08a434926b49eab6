import type { MailContent } from '@nightshift/contracts/documents';
import { htmlToText } from './html.ts';
import { maxFiles, maxTextLength } from './limits.ts';
import { parseMail } from './parse.ts';

/** The task `mail`. */
export async function readContent(raw: Uint8Array): Promise<MailContent> {
  const { text = '', html = '', attachments } = await parseMail(raw);
  const plain = text.trim() !== '' ? { text, isCut: false } : htmlToText(html);
  const whole = plain.text.replace(/\r\n?/g, '\n').replaceAll('\u00a0', ' ').trim();
  return {
    text: whole.slice(0, maxTextLength),
    isCut: plain.isCut || whole.length > maxTextLength,
    files: attachments.slice(0, maxFiles).map(({ filename, mimeType, content }) => ({
      name: filename?.slice(-1000) ?? null,
      mediaType: mimeType.slice(0, 200),
      bytes: typeof content === 'string' ? content.length : content.byteLength,
    })),
  };
}
