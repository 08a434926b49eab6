/** Files that somebody put on a server and sent the address of: https://xmpp.org/extensions/xep-0363.html */
import { ChannelError, type Download, type DownloadContext, type InboundAttachment } from '../channel.ts';
import { readWhole, toChannelError } from '../http.ts';

export async function download(
  { source }: InboundAttachment,
  { fetch, signal, maxBytes }: DownloadContext,
): Promise<Download> {
  const response = await fetch(source.url ?? '', { signal }).catch((error) => {
    throw toChannelError(error);
  });
  if (response.status !== 200) {
    const kind = response.status >= 500 ? 'retry' : 'rejected';
    throw new ChannelError(kind, `The server of the file answered ${response.status}.`);
  }
  const mediaType = response.headers.get('content-type')?.split(';')[0]?.trim();
  return { data: await readWhole(response, maxBytes), ...(mediaType && { mediaType }) };
}
