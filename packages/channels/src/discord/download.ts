/** Attachments: https://docs.discord.com/developers/reference#signed-attachment-cdn-urls */
import {
  type Address,
  ChannelError,
  type Download,
  type DownloadContext,
  type InboundAttachment,
} from '../channel.ts';
import { readWhole, toChannelError } from '../http.ts';
import { callDiscord } from './api.ts';
import { type DiscordConnection, isFileUrl } from './connection.ts';
import { Message } from './payload.ts';

export async function download(
  { source }: InboundAttachment,
  connection: DiscordConnection,
  context: DownloadContext,
): Promise<Download> {
  const first = await fetchFile(source.url, connection, context);
  if (first) return first;
  // The address ends after a day, and messages have a new one when they are fetched.
  const again = await fetchFile(await freshUrl(source, connection, context), connection, context);
  if (again) return again;
  throw new ChannelError('rejected', 'Discord no longer has the file.');
}

/** Null: it is not there. The files are public to whoever has the address, so the token stays with us. */
async function fetchFile(
  url: string | undefined,
  { settings }: DiscordConnection,
  { fetch, signal, maxBytes }: DownloadContext,
): Promise<Download | null> {
  if (!isFileUrl(url, settings))
    throw new ChannelError('rejected', 'The file is not on a server of Discord.');
  try {
    const response = await fetch(url, { signal });
    const { status, headers } = response;
    const mediaType = headers.get('content-type');
    if (response.ok) return { data: await readWhole(response, maxBytes), ...(mediaType && { mediaType }) };
    await response.body?.cancel();
    if (status === 403 || status === 404 || status === 410) return null;
    throw new ChannelError(
      status >= 500 || status === 429 ? 'retry' : 'rejected',
      `The file's server answered ${status}.`,
    );
  } catch (error) {
    throw toChannelError(error);
  }
}

async function freshUrl(
  { channelId, messageId, attachmentId }: Address,
  connection: DiscordConnection,
  context: DownloadContext,
): Promise<string | undefined> {
  const path = `/channels/${encodeURIComponent(channelId ?? '')}/messages/${encodeURIComponent(messageId ?? '')}`;
  const message = Message.safeParse(await callDiscord({ path }, connection, context)).data;
  const files = [message, ...(message?.message_snapshots?.map((snapshot) => snapshot.message) ?? [])];
  const file = files.flatMap((each) => each?.attachments ?? []).find(({ id }) => id === attachmentId);
  if (!file) throw new ChannelError('rejected', 'The file was taken out of its message.');
  return file.url;
}
