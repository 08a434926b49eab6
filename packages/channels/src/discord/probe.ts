/** Who we are on Discord, and what of the app's settings would keep it silent. */
import { z } from 'zod';
import { type CallContext, ChannelError, type ChannelProblem, type ProbeResult } from '../channel.ts';
import { callDiscord } from './api.ts';
import type { DiscordConnection } from './connection.ts';

const Me = z.object({ id: z.string(), username: z.string() });
const Application = z.object({
  id: z.string(),
  flags: z.number().nullish(),
  interactions_endpoint_url: z.string().nullish(),
});
const Guilds = z.array(z.object({ id: z.string() }));

/** https://docs.discord.com/developers/resources/application#application-object-application-flags */
const messageContentFlags = (1 << 18) | (1 << 19);

/** View channels, send messages also in threads, attach files, read the history, add reactions. */
const permissions = String((1n << 6n) | (1n << 10n) | (1n << 11n) | (1n << 15n) | (1n << 16n) | (1n << 38n));

const portal = (applicationId: string) => `https://discord.com/developers/applications/${applicationId}`;

export async function probe(connection: DiscordConnection, context: CallContext): Promise<ProbeResult> {
  const get = async <T>(schema: z.ZodType<T>, path: string): Promise<T> => {
    const read = schema.safeParse(await callDiscord({ path }, connection, context));
    if (read.success) return read.data;
    throw new ChannelError('retry', 'The answer is not as Discord answers. Check the address of its API.');
  };
  const me = await get(Me, '/users/@me');
  const application = await get(Application, '/applications/@me');
  const guilds = await get(Guilds, '/users/@me/guilds?limit=1');

  const problems: ChannelProblem[] = [];
  if (((application.flags ?? 0) & messageContentFlags) === 0)
    problems.push({
      message:
        'The bot may not read messages: "Message Content Intent" is off, and Discord will refuse the connection.',
      fix: `Open ${portal(application.id)}/bot, turn on "Message Content Intent" under "Privileged Gateway Intents", and save.`,
    });
  if (application.interactions_endpoint_url)
    problems.push({
      message: 'Buttons do nothing: Discord sends them to an "Interactions Endpoint URL" instead of here.',
      fix: `Open ${portal(application.id)}/information, empty the field "Interactions Endpoint URL", and save.`,
    });
  if (guilds.length === 0)
    problems.push({
      message: 'The bot is in no server yet, so nobody can write to it.',
      fix: `Open https://discord.com/oauth2/authorize?client_id=${application.id}&scope=bot&permissions=${permissions} and choose a server of yours.`,
    });
  return { account: { id: me.id, name: `@${me.username}` }, problems };
}
