/**
 * Access tokens for XOAUTH2, which Microsoft 365 wants instead of a password:
 * https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
 */
import { z } from 'zod';
import { type CallContext, ChannelError } from '../channel.ts';
import { parseAnswer, readWhole, toChannelError } from '../http.ts';
import type { EmailConnection } from './connection.ts';

const Token = z.object({ access_token: z.string().min(1) });
const Refusal = z.object({ error: z.string(), error_description: z.string().optional() });

/**
 * What the mail servers are shown: the password, or an access token that was just got.
 * @throws {ChannelError}
 */
export async function authorize(
  { credentials, settings }: EmailConnection,
  { fetch, signal }: CallContext,
): Promise<{ pass: string } | { accessToken: string }> {
  const { password, clientSecret, refreshToken } = credentials;
  if (password) return { pass: password };
  const { tokenUrl, clientId, scope } = settings;
  if (!tokenUrl || !clientId)
    throw new ChannelError('auth', 'OAuth needs the token address and the client id, too.');
  const form = new URLSearchParams({
    ...(refreshToken
      ? { grant_type: 'refresh_token', refresh_token: refreshToken }
      : { grant_type: 'client_credentials' }),
    client_id: clientId,
    ...(clientSecret && { client_secret: clientSecret }),
    ...(scope && { scope }),
  });
  try {
    const response = await fetch(tokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: form.toString(),
      signal,
    });
    const answer = parseAnswer(Buffer.from(await readWhole(response, 100_000)).toString());
    const token = Token.safeParse(answer);
    if (response.ok && token.success) return { accessToken: token.data.access_token };
    const refusal = Refusal.safeParse(answer);
    const host = new URL(tokenUrl).host;
    if (response.status >= 500 || response.status === 429 || !refusal.success)
      throw new ChannelError('retry', `${host} gave no access token: it answered ${response.status}.`);
    throw new ChannelError(
      'auth',
      `${host} gives no access token (${refusal.data.error}). Check the client id and its secret; a refresh token may have been revoked.`,
    );
  } catch (error) {
    // Nothing was sent by mail yet, so whatever happened here may be tried again.
    const failure = toChannelError(error);
    throw failure.kind === 'ambiguous'
      ? new ChannelError('retry', failure.message, { cause: error })
      : failure;
  }
}
