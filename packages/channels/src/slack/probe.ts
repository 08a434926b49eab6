/** Whether Slack takes the tokens, and whether the app is set up as we need it. */
import { ChannelError, type ChannelProblem, type ProbeContext, type ProbeResult } from '../channel.ts';
import { call } from './client.ts';
import { inWords, scopes } from './scopes.ts';
import type { SlackConnection } from './settings.ts';

/** https://docs.slack.dev/reference/methods/auth.test; the scopes come in the header `x-oauth-scopes` of any answer. */
export async function probe(connection: SlackConnection, context: ProbeContext): Promise<ProbeResult> {
  const who = await call('auth.test', (client) => client.auth.test(), connection, context);
  const problems = [
    ...botProblems(who.bot_id),
    ...scopeProblems(who.response_metadata?.scopes),
    ...(connection.settings.mode === 'socket'
      ? await socketProblems(connection, context)
      : httpProblems(connection, context)),
  ];
  return { account: { id: who.user_id ?? null, name: `@${who.user} in ${who.team}` }, problems };
}

function botProblems(botId: string | undefined): ChannelProblem[] {
  if (botId) return [];
  return [
    {
      message: 'The token is not one of a bot.',
      fix: 'Put the "Bot User OAuth Token" of the app, which begins with xoxb-, in its place.',
    },
  ];
}

function scopeProblems(granted: readonly string[] | undefined): ChannelProblem[] {
  if (!granted) return [];
  const missing = Object.keys(scopes).filter((scope) => !granted.includes(scope));
  if (missing.length === 0) return [];
  return [
    {
      message: `The app may not ${inWords(missing, 'disjunction')}.`,
      fix: `Open the app at https://api.slack.com/apps, add ${missing.join(', ')} to "Bot Token Scopes" under "OAuth & Permissions", and press "Reinstall to Workspace" there.`,
    },
  ];
}

async function socketProblems(connection: SlackConnection, context: ProbeContext): Promise<ChannelProblem[]> {
  const { appToken } = connection.credentials;
  const fix =
    'Open the app at https://api.slack.com/apps. Under "Basic Information", make an app-level token with the scope connections:write, and put it here; under "Socket Mode", turn it on.';
  if (!appToken) return [{ message: 'There is no app-level token, so no messages come in.', fix }];
  try {
    await call(
      'apps.connections.open',
      (client) => client.apps.connections.open({}),
      connection,
      context,
      appToken,
    );
    return [];
  } catch (error) {
    // Anything else is no fault of the set-up.
    if (!(error instanceof ChannelError) || !['auth', 'rejected'].includes(error.kind)) throw error;
    return [{ message: `Slack refuses the app-level token. ${error.message}`, fix }];
  }
}

function httpProblems({ credentials }: SlackConnection, { hookUrl }: ProbeContext): ChannelProblem[] {
  const problems: ChannelProblem[] = [];
  if (!credentials.signingSecret) {
    problems.push({
      message: 'There is no signing secret, so no request of Slack is believed and no messages come in.',
      fix: 'Copy the "Signing Secret" from "Basic Information" of the app.',
    });
  }
  if (!hookUrl.startsWith('https://')) {
    problems.push({
      message: `Slack calls only public addresses that begin with https://, not ${hookUrl}`,
      fix: 'Choose Socket Mode, which needs no public address, or set PUBLIC_URL to the public address of this server.',
    });
  }
  return problems;
}
