/** What mail servers answer, as what it means for a part, in words for whoever runs the channel. */
import { cutText } from '@nightshift/contracts';
import { ChannelError } from '../channel.ts';
import type { EmailConnection } from './connection.ts';
import { passwordHint } from './providers.ts';

/** What imapflow and nodemailer tell of a failure. */
interface Failure {
  readonly code?: string;
  readonly message?: string;
  /** Of SMTP: the reply, its number, and what it answers. */
  readonly response?: unknown;
  readonly responseCode?: number;
  readonly command?: string;
  /** Of IMAP: https://www.rfc-editor.org/rfc/rfc5530 */
  readonly serverResponseCode?: string;
  readonly responseText?: string;
  readonly responseStatus?: string;
  readonly authenticationFailed?: boolean;
  readonly tlsFailed?: boolean;
}

const certificates: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it has signed its certificate itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that this server does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate lacks the ones between it and a known authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that this server does not know',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
};

const timeouts = ['ETIMEDOUT', 'ETIMEOUT', 'CONNECT_TIMEOUT', 'GREETING_TIMEOUT', 'UPGRADE_TIMEOUT'];

/** One line of what a server said, without what is secret of the connection. */
function quoted(reply: unknown, { credentials }: EmailConnection): string {
  if (typeof reply !== 'string' || reply.trim() === '') return '';
  let text = reply.replace(/\s+/g, ' ').trim();
  for (const value of Object.values(credentials)) if (value) text = text.replaceAll(value, '***');
  return ` It said: ${cutText(text, 300)}`;
}

/** Why no connection came about, or why it ended; undefined: that is not what happened. */
function connectionTrouble(error: Failure, server: string): string | undefined {
  // Both libraries wrap what the socket said, and leave its words in the message.
  const has = (code: string) => error.code === code || (error.message ?? '').includes(code);
  const certificate =
    Object.keys(certificates).find(has) ??
    (/self-signed certificate/i.test(error.message ?? '')
      ? 'DEPTH_ZERO_SELF_SIGNED_CERT'
      : /certificate has expired/i.test(error.message ?? '')
        ? 'CERT_HAS_EXPIRED'
        : /does not match certificate's altnames/i.test(error.message ?? '')
          ? 'ERR_TLS_CERT_ALTNAME_INVALID'
          : undefined);
  if (certificate)
    return `${server} cannot be trusted: ${certificates[certificate]}. Use the name that the certificate is for, or let the server have a valid one. An authority of your own is made known with NODE_EXTRA_CA_CERTS.`;
  if (/wrong.version.number|packet length too long|EPROTO\b/i.test(error.message ?? ''))
    return `${server} does not speak TLS from the first byte. Check the port, or set the encryption to STARTTLS.`;
  if (/STARTTLS/i.test(error.message ?? ''))
    return `${server} does not offer STARTTLS, so nothing was said to it. Use its port for TLS, mostly 993 for IMAP and 465 for SMTP.`;
  const why = Object.keys(unreachable).find(has);
  if (why) return `${server} cannot be reached: ${unreachable[why]}.`;
  if (error.code && timeouts.includes(error.code)) return `${server} did not answer in time.`;
  return undefined;
}

/** Or else it is a defect, and shall be seen as one. */
export function isOfImap(error: unknown): boolean {
  const { code, responseStatus, authenticationFailed = false, tlsFailed = false } = error as Failure;
  return code !== undefined || responseStatus !== undefined || authenticationFailed || tlsFailed;
}

/** The server says that it is in trouble, or asks for less: https://www.rfc-editor.org/rfc/rfc5530 */
export function isPassing(error: unknown): boolean {
  const { code, serverResponseCode } = error as Failure;
  return (
    code === 'ETHROTTLE' || ['UNAVAILABLE', 'INUSE', 'LIMIT', 'EXPIRED'].includes(serverResponseCode ?? '')
  );
}

/** What a failure of an IMAP connection means. */
export function imapError(error: unknown, connection: EmailConnection): ChannelError {
  if (error instanceof ChannelError) return error;
  const { imapHost, imapPort } = connection.settings;
  const server = `The IMAP server ${imapHost}:${imapPort}`;
  const failure = error as Failure;
  const text = typeof failure.response === 'string' ? failure.response : failure.responseText;
  if (failure.authenticationFailed) {
    // Also said of too many connections at once, and of a server in trouble.
    const passing =
      failure.serverResponseCode === 'UNAVAILABLE' || /too many|try again|temporar/i.test(text ?? '');
    if (passing)
      return new ChannelError('retry', `${server} does not let us in now.${quoted(text, connection)}`, {
        cause: error,
      });
    const message = `${server} refuses the login. ${passwordHint(connection.settings)}${quoted(text, connection)}`;
    return new ChannelError('auth', message, { cause: error });
  }
  const trouble = connectionTrouble(failure, server);
  return new ChannelError('retry', trouble ?? `${server} ended the connection.${quoted(text, connection)}`, {
    cause: error,
  });
}

/** Replies by which servers ask for less: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3, RFC 3463 (4.7.x). */
const waits = [421, 450, 451, 452, 454];

/** `began`: bytes of the message may have left, and no reply has come. */
export function smtpError(error: unknown, connection: EmailConnection, began: boolean): ChannelError {
  if (error instanceof ChannelError) return error;
  const { smtpHost, smtpPort } = connection.settings;
  const server = `The SMTP server ${smtpHost}:${smtpPort}`;
  const { responseCode, response, ...failure } = error as Failure;
  // A server that ends the connection with a reply leaves it in the text alone.
  const status = responseCode ?? Number(/^\d{3}\b/.exec(String(response ?? ''))?.[0] ?? 0);
  const trouble = connectionTrouble({ ...failure, message: (error as Error).message }, server);
  const said = quoted(response, connection);
  const options = { cause: error };
  // Whatever its number: nothing was asked of the server yet.
  if (failure.code === 'ETLS' && trouble) return new ChannelError('retry', trouble, options);
  if (status >= 400 && status < 500) {
    const pauses =
      failure.command === 'RCPT TO' || status === 450 ? ('thread' as const) : ('channel' as const);
    return new ChannelError('retry', `${server} asks to try again later.${said}`, {
      ...options,
      ...(waits.includes(status) && { retryAfterMs: askedToWaitMs(String(response)), pauses }),
    });
  }
  if (failure.code === 'EAUTH' || status === 530 || status === 535) {
    return new ChannelError(
      'auth',
      `${server} refuses the login. ${passwordHint(connection.settings)}${said}`,
      options,
    );
  }
  if (status >= 500) return new ChannelError('rejected', `${server} refuses the mail.${said}`, options);
  if (failure.code === 'EENVELOPE' || failure.code === 'EMESSAGE')
    return new ChannelError('rejected', `The mail cannot be sent: ${(error as Error).message}.`, options);
  if (began)
    return new ChannelError(
      'ambiguous',
      `${server} took the mail and did not say what became of it.`,
      options,
    );
  return new ChannelError('retry', trouble ?? `${server} ended the connection.`, options);
}

/** "Greylisted, please try again in 300 seconds". Undefined where a reply says no time. */
function askedToWaitMs(reply: string): number | undefined {
  const [, count, unit] = /\bin (\d{1,5}) ?(s|m)(?:ec|in)?/i.exec(reply) ?? [];
  return count === undefined ? undefined : Number(count) * (unit!.toLowerCase() === 'm' ? 60_000 : 1000);
}
