/** Files of messages: what they are, and how they are fetched (https://core.telegram.org/bots/api#getfile). */
import { ChannelError, type Download, type DownloadContext, type InboundAttachment } from '../channel.ts';
import { readWhole, toChannelError } from '../http.ts';
import { callApi } from './api.ts';
import type { TelegramConnection } from './connection.ts';
import { refusalError } from './errors.ts';
import type { File, Message, RepliedMessage } from './updates.ts';

/** What Telegram makes of files that it converts; of the others it says what they are. */
const kinds = [
  // An animation is a document as well, for older programs.
  ['animation', 'mp4', 'video/mp4'],
  ['document', '', 'application/octet-stream'],
  ['audio', 'mp3', 'audio/mpeg'],
  ['voice', 'ogg', 'audio/ogg'],
  ['video', 'mp4', 'video/mp4'],
  ['video_note', 'mp4', 'video/mp4'],
] as const;

/** Of the message and of the one that it answers to: "what is in this picture?" */
export function attachmentsOf(message: Message): InboundAttachment[] {
  const { reply_to_message: replied } = message;
  // Our own answers' files are in the conversation, and bots have no use for each other's.
  return [...filesOf(message), ...(replied && !replied.from?.is_bot ? filesOf(replied) : [])];
}

function filesOf(message: RepliedMessage): InboundAttachment[] {
  const photo = message.photo?.at(-1);
  if (photo) return [attachment(photo, 'photo', 'jpg', 'image/jpeg')];
  for (const [kind, extension, mediaType] of kinds) {
    const file = message[kind];
    if (file) return [attachment(file, kind, extension, mediaType)];
  }
  return [];
}

function attachment(file: File, kind: string, extension: string, mediaType: string): InboundAttachment {
  return {
    name: file.file_name || [`${kind}-${file.file_unique_id}`, extension].filter(Boolean).join('.'),
    mediaType: file.mime_type ?? mediaType,
    bytes: file.file_size ?? null,
    source: { file_id: file.file_id },
  };
}

/** See `ChannelAdapter.download`. The address holds the token, so it is made anew each time and never stored. */
export async function download(
  { source }: InboundAttachment,
  connection: TelegramConnection,
  context: DownloadContext,
): Promise<Download> {
  const { fetch, signal, maxBytes } = context;
  const file = await callApi(connection, context, (api) => api.getFile({ file_id: source.file_id ?? '' }));
  if ((file.file_size ?? 0) > maxBytes)
    throw new ChannelError('rejected', `It is larger than ${maxBytes} bytes.`);
  const url = `${connection.settings.apiUrl}/file/bot${connection.credentials.token}/${relativePath(file.file_path)}`;
  try {
    const response = await fetch(url, { signal });
    // Telegram calls everything application/octet-stream; the update said it better.
    if (response.ok) return { data: await readWhole(response, maxBytes) };
    const { status } = response;
    if (status === 404) throw new ChannelError('rejected', 'Telegram no longer has the file.');
    if (status >= 500) throw new ChannelError('retry', `Telegram's file server answered ${status}.`);
    throw refusalError({ error_code: status, description: `HTTP status ${status}` });
  } catch (error) {
    throw toChannelError(error);
  }
}

/** A Bot API server in its local mode gives paths on its own disk, which are not to be had over HTTP. */
function relativePath(path: string | undefined): string {
  const steps = path?.split('/') ?? [''];
  if (steps.some((step) => step === '' || step === '.' || step === '..'))
    throw new ChannelError(
      'rejected',
      'Telegram gives no address for the file (a Bot API server in --local mode gives none).',
    );
  return steps.map(encodeURIComponent).join('/');
}
