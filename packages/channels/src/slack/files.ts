/** Files both ways. The bot's token goes to Slack's own hosts and nowhere else. */
import {
  type Address,
  type CallContext,
  ChannelError,
  type Download,
  type DownloadContext,
  type InboundAttachment,
  type OutgoingFile,
  type SendReceipt,
} from '../channel.ts';
import { readWhole, retryAfterMs, toChannelError } from '../http.ts';
import { call } from './client.ts';
import { channelOf } from './send.ts';
import { isFileUrl, type SlackConnection } from './settings.ts';

/**
 * In three steps, of which only the last shows anything: https://docs.slack.dev/messaging/working-with-files#upload
 */
export async function sendFile(
  { name, data }: OutgoingFile,
  to: Address,
  connection: SlackConnection,
  context: CallContext,
): Promise<SendReceipt> {
  if (data.length === 0) throw new ChannelError('rejected', 'Slack takes no empty files.');
  const file = await unseen(async () => {
    const { upload_url: url, file_id: id } = await call(
      'files.getUploadURLExternal',
      (client) => client.files.getUploadURLExternal({ filename: name, length: data.length }),
      connection,
      context,
    );
    if (!id || !isFileUrl(url, connection.settings))
      throw new ChannelError('rejected', 'Slack named no address of its own to send the file to.');
    await upload(url, data, context);
    return { id, title: name };
  });
  const share = {
    files: [file] as [typeof file],
    channel_id: channelOf(to),
    ...(to.thread_ts && { thread_ts: to.thread_ts }),
  };
  await call(
    'files.completeUploadExternal',
    (client) => client.files.completeUploadExternal(share),
    connection,
    context,
  );
  return { file: file.id, channel: share.channel_id };
}

/** What breaks off while nobody can see anything yet has not arrived. */
async function unseen<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ChannelError) || error.kind !== 'ambiguous') throw error;
    throw new ChannelError('retry', error.message, { cause: error });
  }
}

async function upload(url: string, data: Uint8Array, { fetch, signal }: CallContext): Promise<void> {
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(data.length) };
  const body = Buffer.from(data);
  try {
    const { status } = await fetch(url, { method: 'POST', headers, body, signal });
    if (status !== 200) throw new ChannelError('retry', `Slack answered ${status} to the file.`);
  } catch (error) {
    throw toChannelError(error);
  }
}

/** https://docs.slack.dev/reference/objects/file-object: `url_private` opens to the token of a bot that may read files. */
export async function download(
  { source, mediaType }: InboundAttachment,
  connection: SlackConnection,
  { maxBytes, ...context }: DownloadContext,
): Promise<Download> {
  const url = source.url ?? (await urlOf(source.file ?? '', connection, context));
  if (!isFileUrl(url, connection.settings))
    throw new ChannelError('rejected', 'The file is not on a host of Slack.');
  const headers = { authorization: `Bearer ${connection.credentials.botToken}` };
  try {
    const response = await context.fetch(url, { headers, signal: context.signal });
    assertFile(response, mediaType);
    const data = await readWhole(response, maxBytes);
    const type = response.headers.get('content-type')?.split(';')[0];
    return { data, ...(type && { mediaType: type }) };
  } catch (error) {
    throw toChannelError(error);
  }
}

/** Files of another company's Slack come as an id alone: https://docs.slack.dev/apis/slack-connect#files */
async function urlOf(file: string, connection: SlackConnection, context: CallContext) {
  const { file: found } = await call(
    'files.info',
    (client) => client.files.info({ file }),
    connection,
    context,
  );
  return found?.url_private_download ?? found?.url_private;
}

/** Who may not read files is not refused: Slack shows, or points to, the page for signing in. */
function assertFile({ status, headers }: Response, expected: string): void {
  const isPage = headers.get('content-type')?.startsWith('text/html') && !expected.startsWith('text/html');
  if (isPage || (status >= 300 && status < 400) || status === 401 || status === 403) {
    const fix =
      'It needs the scope files:read, under "OAuth & Permissions" of the app, and to be installed again.';
    throw new ChannelError('rejected', `The app may not read the file. ${fix}`);
  }
  if (status === 200) return;
  if (status === 404 || status === 410) throw new ChannelError('rejected', 'The file is no longer there.');
  throw new ChannelError('retry', `Slack answered ${status} to the file.`, {
    retryAfterMs: retryAfterMs(headers, Date.now()),
  });
}
