/** Pictures and other media that people send: https://www.twilio.com/docs/messaging/api/media-resource */
import { ChannelError, type Download, type DownloadContext, type InboundAttachment } from '../channel.ts';
import { readWhole, toChannelError } from '../http.ts';
import type { SmsConnection } from './connection.ts';
import { accountUrl, authorizationOf } from './rest.ts';

/** Of all media of a message together. */
export const maxMediaBytes = 5 * 1024 * 1024;

/** Where the API sends on to, by an address that is signed and so needs no password. */
const isStore = ({ protocol, hostname, port }: URL) =>
  protocol === 'https:' && port === '' && hostname.endsWith('.twiliocdn.com');

/** See `ChannelAdapter.download`. */
export async function download(
  { source }: InboundAttachment,
  connection: SmsConnection,
  { fetch, signal, maxBytes }: DownloadContext,
): Promise<Download> {
  // The password goes to the API and to nobody whom a message names.
  const url = URL.canParse(source.url ?? '') ? new URL(source.url!).href : '';
  if (!url.startsWith(`${accountUrl(connection)}/Messages/`))
    throw new ChannelError('rejected', 'The file is not where Twilio keeps the media of this account.');
  try {
    let response = await fetch(url, { headers: { authorization: authorizationOf(connection) }, signal });
    if (response.status >= 300 && response.status < 400) {
      const location = response.headers.get('location') ?? '';
      await response.body?.cancel();
      if (!URL.canParse(location, url) || !isStore(new URL(location, url)))
        throw new ChannelError('rejected', 'Twilio names a place for the file which is not its own.');
      response = await fetch(new URL(location, url).href, { signal });
    }
    if (!response.ok)
      throw new ChannelError(
        response.status >= 500 ? 'retry' : 'rejected',
        `Twilio answered ${response.status} instead of the file.`,
      );
    const mediaType = response.headers.get('content-type');
    return { data: await readWhole(response, maxBytes), ...(mediaType && { mediaType }) };
  } catch (error) {
    throw toChannelError(error);
  }
}
