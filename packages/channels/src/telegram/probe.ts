/** Who the bot is, and whether its messages come to us; where they do not, Telegram is told to send them here. */
import type { WebhookInfo } from 'grammy/types';
import type { CallContext, ChannelProblem, ProbeContext, ProbeResult } from '../channel.ts';
import { ChannelError } from '../channel.ts';
import { callApi, getMe } from './api.ts';
import { accountOf, type TelegramConnection } from './connection.ts';
import { wantedUpdates } from './updates.ts';

/** See `ChannelAdapter.probe`. */
export async function probe(connection: TelegramConnection, context: ProbeContext): Promise<ProbeResult> {
  const bot = await getMe(connection, context);
  const before = await callApi(connection, context, (api) => api.getWebhookInfo());
  const problems = [
    ...takenOver(before, context.hookUrl),
    ...(connection.settings.receive === 'webhook'
      ? [...undelivered(before, context.hookUrl), ...(await register(connection, context))]
      : await unregister(before, connection, context)),
  ];
  return { account: accountOf(bot), problems };
}

const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : url);

/** A bot has one webhook. Whoever gave us its token wants its messages here, but should know who had them before. */
function takenOver({ url }: WebhookInfo, hookUrl: string): ChannelProblem[] {
  if (!url || url === hookUrl) return [];
  return [
    {
      message: `Until now Telegram sent this bot's messages to ${hostOf(url)}. From now on they come here.`,
      fix: 'If that program is still needed, make a bot of its own for this channel with @BotFather. Otherwise there is nothing to do.',
    },
  ];
}

/** How long ago a delivery may have failed to be worth telling, in seconds. */
const recentSeconds = 60 * 60;

function undelivered(
  { url, pending_update_count: waiting, last_error_date: at, last_error_message: reason }: WebhookInfo,
  hookUrl: string,
): ChannelProblem[] {
  if (url !== hookUrl || !waiting || !at || Date.now() / 1000 - at > recentSeconds) return [];
  return [
    {
      message: `Telegram could not deliver ${waiting === 1 ? 'a message' : `${waiting} messages`}: ${reason ?? 'it does not say why'}.`,
      fix: `See that ${hostOf(hookUrl)} can be reached from the internet over https with a valid certificate, or set "How messages come in" to polling, which needs none of that.`,
    },
  ];
}

/** The secret cannot be asked for, so it is set each time. */
async function register(connection: TelegramConnection, context: ProbeContext): Promise<ChannelProblem[]> {
  try {
    await callApi(connection, context, (api) =>
      api.setWebhook({
        url: context.hookUrl,
        secret_token: connection.credentials.webhookSecret,
        allowed_updates: wantedUpdates,
      }),
    );
    return [];
  } catch (error) {
    if (!(error instanceof ChannelError) || error.kind !== 'rejected') throw error;
    return [
      {
        message: `Telegram does not take ${context.hookUrl} as the address to send messages to. ${error.message}`,
        fix: 'Give this server a public https address on port 443, 80, 88 or 8443, or set "How messages come in" to polling, which needs none.',
      },
    ];
  }
}

async function unregister(
  { url }: WebhookInfo,
  connection: TelegramConnection,
  context: CallContext,
): Promise<ChannelProblem[]> {
  if (url) await callApi(connection, context, (api) => api.deleteWebhook({}));
  return [];
}
