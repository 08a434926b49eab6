import {
  bot,
  callback,
  channels,
  newTs,
  posted,
  signRequest,
  startFakeSlack,
  team,
  tokens,
} from '../../../support/slack/index.ts';
import type { Place, Platform, Shown } from './platform.ts';

const user = 'U0ANN';
const credentials = { botToken: tokens.bot, appToken: tokens.app, signingSecret: tokens.secret };
const revoked = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"ok":false,"error":"token_revoked"}',
};

export const slack = (mode: 'socket' | 'http'): Platform => ({
  name: `Slack, ${mode}`,
  async start({ push }): Promise<Place> {
    const fake = await startFakeSlack();
    let hookUrl = '';

    async function post(body: string): Promise<void> {
      const { status } = await push({ ...signRequest(Buffer.from(body), Date.now()), url: hookUrl });
      if (status !== 200) throw new Error(`Slack was answered ${status}.`);
    }

    /** A command is a form over HTTP, and the same fields over a socket. */
    async function deliver(type: 'events_api' | 'slash_commands', payload: object): Promise<void> {
      if (mode === 'http') {
        const isForm = type === 'slash_commands';
        return post(
          isForm ? String(new URLSearchParams(payload as Record<string, string>)) : JSON.stringify(payload),
        );
      }
      return fake.sockets.deliverSurely(type, payload);
    }

    return {
      channel: { kind: 'slack', credentials, settings: { mode, apiUrl: fake.url } },
      wrongCredentials: { ...credentials, botToken: 'xoxb-9-nobodys' },
      account: `@${bot.name} in ${team.name}`,
      formatted: {
        text: 'Hello *Ann*, _at last_: @everyone &lt;!channel&gt; &lt;@U0BOB&gt;\n\n• one\n• two with `a * b`\n\nSee <https://example.com/guide|the guide>.\n\n```\nok();\n```',
      },
      hasGroups: true,
      enter(url) {
        hookUrl = url;
      },
      async say(said, { room = 'direct', mention = false, file } = {}) {
        const place =
          room === 'direct'
            ? { channel: channels.direct, channel_type: 'im' }
            : { channel: channels.general, channel_type: 'channel' };
        // Slack's own program takes what begins with a slash for a command.
        if (said.startsWith('/')) {
          const fields = {
            command: said,
            text: '',
            team_id: team.id,
            channel_id: place.channel,
            channel_name: room === 'direct' ? 'directmessage' : 'general',
            user_id: user,
            user_name: 'ann',
            api_app_id: bot.app,
            trigger_id: newTs(),
          };
          await deliver('slash_commands', fields);
          return { again: () => deliver('slash_commands', fields) };
        }
        const ts = newTs();
        const name = `F${ts.replace('.', '')}`;
        if (file) fake.files.set(name, { name: 'plan.png', data: file, mediaType: 'image/png' });
        const message = posted(mention ? `<@${bot.user}> ${said}` : said, {
          ...place,
          ts,
          ...(file && {
            subtype: 'file_share',
            files: [
              {
                ...{ id: name, name: 'plan.png', mimetype: 'image/png', mode: 'hosted', size: file.length },
                url_private: `${fake.origin}/files-pri/${name}/plan.png`,
              },
            ],
          }),
        });
        const event = callback(message);
        await deliver('events_api', event);
        const changed = (more: object) =>
          deliver('events_api', callback({ type: 'message', hidden: true, ts: newTs(), ...place, ...more }));
        return {
          again: () => deliver('events_api', event),
          edit: (text) =>
            changed({
              subtype: 'message_changed',
              message: { ...message, text, edited: { user, ts: newTs() } },
              previous_message: message,
            }),
          remove: () => changed({ subtype: 'message_deleted', deleted_ts: ts, previous_message: message }),
        };
      },
      stir: () => deliver('events_api', callback({ type: 'emoji_changed', subtype: 'add', name: 'tada' })),
      shown: () =>
        fake.messages.map(
          ({ text, channel, files }): Shown => ({
            text,
            room: channel === channels.direct ? 'direct' : 'group',
            ...(files && { file: files[0]! }),
          }),
        ),
      counts: () => ({
        edits: fake.calls.filter((call) => call === 'chat.update').length,
        typing: fake.statuses.size,
      }),
      revoke: () => fake.react((path) => (path === 'apps.connections.open' ? undefined : revoked)),
      renew() {
        fake.react(undefined);
        return credentials;
      },
      close: () => fake.close(),
    };
  },
});
