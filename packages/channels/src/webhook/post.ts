/** A signed POST: what outgoing webhooks and the webhook channel send. */
import { traceparentOf } from '@nightshift/contracts';
import { type CallContext, ChannelError } from '../channel.ts';
import { readExcerpt, retryAfterMs, toChannelError } from '../http.ts';
import { signedHeaders } from './standard-webhooks.ts';

export interface SignedPost {
  url: string;
  /** `whsec_…` */
  secret: string;
  /** The receiver knows a repetition by it. */
  id: string;
  /** Sent as JSON. */
  body: unknown;
  /** Told to the receiver as `traceparent`. */
  traceId?: string | null | undefined;
}

export interface PostAnswer {
  status: number;
  headers: Headers;
  /** The beginning of the body. */
  excerpt: string;
}

const excerptBytes = 1_000;

/** Sends it once. Any answer is an answer, whatever its status. @throws {ChannelError} when there was none */
export async function postSigned(
  { url, secret, id, body, traceId }: SignedPost,
  context: CallContext,
): Promise<PostAnswer> {
  const bytes = Buffer.from(JSON.stringify(body));
  try {
    const response = await context.fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': String(bytes.length),
        'user-agent': 'Nightshift',
        ...signedHeaders(secret, id, Date.now(), bytes),
        ...(traceId ? { traceparent: traceparentOf(traceId) } : {}),
      },
      body: bytes,
      signal: context.signal,
    });
    // The status is the answer. A body that breaks off is only less to show.
    const excerpt = await readExcerpt(response, excerptBytes).catch(() => '');
    return { status: response.status, headers: response.headers, excerpt };
  } catch (error) {
    throw toChannelError(error);
  }
}

export const isAccepted = ({ status }: Pick<PostAnswer, 'status'>) => status >= 200 && status < 300;

/**
 * Only 2xx accepts. Anything else may be mended by the receiver, so it is sent again, under the same id; a redirect is
 * not followed.
 *
 * @throws {ChannelError} retry
 */
export function assertAccepted(answer: PostAnswer): void {
  if (isAccepted(answer)) return;
  throw new ChannelError('retry', `The receiver answered ${answer.status}.`, {
    retryAfterMs: retryAfterMs(answer.headers, Date.now()),
  });
}
