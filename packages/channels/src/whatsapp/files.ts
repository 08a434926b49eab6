/** Files both ways: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media */
import { z } from 'zod';
import {
  type Address,
  type CallContext,
  ChannelError,
  type Download,
  type DownloadContext,
  type InboundAttachment,
  type OutgoingFile,
} from '../channel.ts';
import { readWhole, toChannelError } from '../http.ts';
import type { WhatsappConnection } from './connection.ts';
import { callGraph } from './graph.ts';
import { recipientOf } from './outbound.ts';

const mebibyte = 1024 * 1024;

/** A message's largest file, either way. */
export const maxFileBytes = 100 * mebibyte;

interface Upload {
  type: 'image' | 'video' | 'audio' | 'document';
  mediaType: string;
}

/** What people see or hear at once; anything else is a document. */
const shown: readonly { type: Upload['type']; mediaTypes: readonly string[]; maxBytes: number }[] = [
  { type: 'image', mediaTypes: ['image/jpeg', 'image/png'], maxBytes: 5 * mebibyte },
  { type: 'video', mediaTypes: ['video/mp4', 'video/3gpp'], maxBytes: 16 * mebibyte },
  {
    type: 'audio',
    mediaTypes: ['audio/aac', 'audio/amr', 'audio/mpeg', 'audio/mp4', 'audio/ogg'],
    maxBytes: 16 * mebibyte,
  },
];

const documentTypes: readonly string[] = [
  'text/plain',
  'application/pdf',
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.ms-powerpoint',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
];

/** @throws {ChannelError} rejected: WhatsApp takes no such file */
function uploadOf({ name, mediaType, data }: OutgoingFile): Upload {
  const essence = mediaType.split(';')[0]!.trim().toLowerCase();
  const found = shown.find(({ mediaTypes }) => mediaTypes.includes(essence));
  if (found) {
    const { type, maxBytes } = found;
    if (data.length <= maxBytes) return { type, mediaType: essence };
    const most = `${maxBytes / mebibyte} MB`;
    throw new ChannelError('rejected', `WhatsApp takes ${type} files of up to ${most}: ${name}.`);
  }
  if (documentTypes.includes(essence)) return { type: 'document', mediaType: essence };
  // CSV, Markdown and source code are text, whatever they are called; the name keeps its ending.
  if (essence.startsWith('text/') || /[/+](json|xml|yaml)$/.test(essence))
    return { type: 'document', mediaType: 'text/plain' };
  throw new ChannelError('rejected', `WhatsApp takes no files of the type ${essence}: ${name}.`);
}

const Uploaded = z.object({ id: z.string().min(1) });

/** Stores the file with Meta, then sends what names it. Nobody sees the first step, so it may be done again. */
export async function sendFile(
  file: OutgoingFile,
  to: Address,
  connection: WhatsappConnection,
  context: CallContext,
): Promise<unknown> {
  const { type, mediaType } = uploadOf(file);
  const recipient = recipientOf(to);
  const form = new FormData();
  form.set('messaging_product', 'whatsapp');
  form.set('type', mediaType);
  form.set('file', new Blob([file.data as Uint8Array<ArrayBuffer>], { type: mediaType }), file.name);
  const path = `${connection.settings.phoneNumberId}/media`;
  const uploaded = Uploaded.safeParse(
    await callGraph({ path, form }, connection, context).catch(nothingSent),
  );
  if (!uploaded.success) throw new ChannelError('retry', 'WhatsApp took the file and did not say its name.');

  const media = { id: uploaded.data.id, ...(type === 'document' && { filename: file.name }) };
  const json = { ...recipient, type, [type]: media };
  return callGraph({ path: `${connection.settings.phoneNumberId}/messages`, json }, connection, context);
}

function nothingSent(error: unknown): never {
  if (error instanceof ChannelError && error.kind === 'ambiguous')
    throw new ChannelError('retry', error.message, { cause: error });
  throw error;
}

const Media = z.object({
  url: z.url(),
  mime_type: z.string().optional(),
  file_size: z.coerce.number().optional(),
});

/** Where Meta keeps media. The address is good for five minutes, and wants the token, too. */
const mediaOrigin = 'https://lookaside.fbsbx.com';

const gone = { kind: 'rejected', words: 'the file is no longer there; it is kept for seven days' } as const;

/** See `ChannelAdapter.download`. */
export async function download(
  { source }: InboundAttachment,
  connection: WhatsappConnection,
  context: DownloadContext,
): Promise<Download> {
  const { phoneNumberId: number, apiUrl } = connection.settings;
  const path = `${encodeURIComponent(source.media ?? '')}?phone_number_id=${number}`;
  const media = Media.safeParse(await callGraph({ path, absent: gone }, connection, context));
  if (!media.success) throw new ChannelError('rejected', 'WhatsApp does not say where the file is.');
  const { url, mime_type: mediaType, file_size = 0 } = media.data;
  const { maxBytes, fetch, signal } = context;
  if (file_size > maxBytes) throw new ChannelError('rejected', `It is larger than ${maxBytes} bytes.`);
  // The token goes to Meta and to nobody whom an answer names.
  const { origin } = new URL(url);
  if (origin !== mediaOrigin && origin !== new URL(apiUrl).origin)
    throw new ChannelError('rejected', `The file is at ${origin}, which is not WhatsApp's.`);

  try {
    const response = await fetch(url, {
      headers: {
        authorization: `Bearer ${connection.credentials.accessToken}`,
        // Without one, the answer is an error page.
        'user-agent': 'Nightshift',
      },
      signal,
    });
    if (!response.ok)
      throw new ChannelError(
        response.status >= 500 ? 'retry' : 'rejected',
        `WhatsApp answered ${response.status} instead of the file.`,
      );
    return { data: await readWhole(response, maxBytes), ...(mediaType && { mediaType }) };
  } catch (error) {
    throw toChannelError(error);
  }
}
