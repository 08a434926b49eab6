/** Files of people: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4#receive-files-in-personal-chat */
import { ChannelError, type Download, type DownloadContext, type InboundAttachment } from '../channel.ts';
import { readWhole, toChannelError } from '../http.ts';
import { addressOf, isConnector, isFileHost, type TeamsConnection } from './connection.ts';
import type { TokenStore } from './tokens.ts';

/** Pictures in the text are kept by the connector, for bots only; files by SharePoint, for whoever has the address. */
export async function download(
  { source: { url = '' } }: InboundAttachment,
  connection: TeamsConnection,
  context: DownloadContext,
  tokens: TokenStore,
): Promise<Download> {
  const { settings } = connection;
  const isOfConnector = isConnector(url, settings) && new URL(url).pathname.includes('/v3/attachments/');
  if (!isOfConnector && !isFileHost(url, settings))
    throw new ChannelError('rejected', 'The file is not on a server of Microsoft that keeps files of Teams.');
  const token = isOfConnector ? await tokens.get(connection, context) : null;
  try {
    const response = await context.fetch(isOfConnector ? addressOf(url, settings) : url, {
      signal: context.signal,
      ...(token && { headers: { authorization: `Bearer ${token.value}` } }),
    });
    const { status, headers } = response;
    const mediaType = headers.get('content-type');
    if (response.ok)
      return { data: await readWhole(response, context.maxBytes), ...(mediaType && { mediaType }) };
    await response.body?.cancel();
    if (status === 401 && token) tokens.forget(connection);
    const isLater = status === 429 || status >= 500 || (status === 401 && token && !token.isNew);
    throw new ChannelError(
      isLater ? 'retry' : 'rejected',
      `The file's server answered ${status}. Addresses of files last for minutes; it may have to be sent again.`,
    );
  } catch (error) {
    throw toChannelError(error);
  }
}
