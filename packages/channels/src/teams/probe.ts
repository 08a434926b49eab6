/** Whether Microsoft takes the app, and what would keep its messages from us. */
import { decodeJwt } from 'jose';
import type { ChannelProblem, ProbeContext, ProbeResult } from '../channel.ts';
import { ChannelError } from '../channel.ts';
import { cloudOf, type TeamsConnection } from './connection.ts';
import type { Keyring } from './keys.ts';
import type { TokenStore } from './tokens.ts';

export async function probe(
  connection: TeamsConnection,
  context: ProbeContext,
  tokens: TokenStore,
  keyring: Keyring,
): Promise<ProbeResult> {
  // One that is kept says nothing of the password as it is stored now.
  tokens.forget(connection);
  const { value } = await tokens.get(connection, context);
  const { appId } = connection.credentials;
  const problems = [...hookProblems(context.hookUrl), ...(await keyProblems(connection, context, keyring))];
  return { account: { id: `28:${appId}`, name: nameIn(value) ?? appId }, problems };
}

/** Microsoft names the app in some of its tokens, which are its own business otherwise. */
function nameIn(token: string): string | null {
  try {
    const { app_displayname: name } = decodeJwt(token);
    return typeof name === 'string' && name ? name : null;
  } catch {
    return null;
  }
}

function hookProblems(hookUrl: string): ChannelProblem[] {
  const { protocol, hostname } = new URL(hookUrl);
  if (protocol === 'https:' && hostname.includes('.') && hostname !== '127.0.0.1') return [];
  return [
    {
      message: `Microsoft cannot reach ${hookUrl}: it needs an https address that is open to the internet.`,
      fix: 'Put this server behind a public https address, and set PUBLIC_URL to it.',
    },
  ];
}

async function keyProblems(
  { settings }: TeamsConnection,
  context: ProbeContext,
  keyring: Keyring,
): Promise<ChannelProblem[]> {
  try {
    await keyring.find(cloudOf(settings), '', Date.now(), context);
    return [];
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
    return [
      {
        message: `The keys that Microsoft signs with cannot be fetched, so no message would be believed. ${error.message}`,
        fix: `Let this server reach ${new URL(cloudOf(settings).openId).host}.`,
      },
    ];
  }
}
