import {
  appId,
  appPassword,
  bot,
  directId,
  groupChatId,
  posted,
  serviceUrl,
  signed,
  startFakeTeams,
  tenantId,
  whispered,
} from '../../../support/teams/index.ts';
import type { Place, Platform, Shown } from './platform.ts';

const inGroup = {
  conversation: { isGroup: true, conversationType: 'groupChat', id: groupChatId, tenantId },
  channelData: { tenant: { id: tenantId } },
};

export const teams: Platform = {
  name: 'Microsoft Teams',
  async start({ push }): Promise<Place> {
    const fake = await startFakeTeams();
    let hookUrl = '';
    let activities = 1_485_983_408_000;

    async function deliver(activity: object): Promise<void> {
      const { status } = await push({ ...signed(activity, Date.now()), url: hookUrl });
      if (status !== 200) throw new Error(`Teams was answered ${status}.`);
    }

    return {
      channel: {
        kind: 'teams',
        credentials: { appId, appPassword },
        settings: { tenantId, emulatorUrl: fake.url },
      },
      wrongCredentials: { appId, appPassword: 'aB8Q~nobodys.nobodys_nobodys' },
      account: 'Nightshift',
      formatted: {
        text: '<p>Hello <strong>Ann</strong>, <em>at last</em>: @everyone &lt;!channel&gt; &lt;@U0BOB&gt;</p>\n<ul><li>one</li>\n<li>two with <code>a * b</code></li></ul>\n<p>See <a href="https://example.com/guide">the guide</a>.</p>\n<pre><code>ok();</code></pre>',
      },
      hasGroups: true,
      enter(url) {
        hookUrl = url;
      },
      async say(said, { room = 'direct', mention = false, file } = {}) {
        activities += 1;
        const id = String(activities);
        if (file) fake.files.set(id, file);
        const picture = {
          contentType: 'image/png',
          contentUrl: `${serviceUrl}v3/attachments/${id}/views/original`,
        };
        const parts = {
          id,
          timestamp: new Date().toISOString(),
          text: mention ? `<at>${bot.name}</at> ${said}` : said,
          entities: mention ? [{ type: 'mention', mentioned: bot, text: `<at>${bot.name}</at>` }] : [],
          attachments: file ? [picture] : [],
          ...(room === 'group' && inGroup),
        };
        const activity = room === 'direct' ? whispered(parts) : posted(parts);
        await deliver(activity);
        const later = (more: object) =>
          deliver({ ...activity, timestamp: new Date().toISOString(), ...more });
        return {
          again: () => deliver(activity),
          edit: (text) =>
            later({
              type: 'messageUpdate',
              text,
              channelData: { eventType: 'editMessage', tenant: { id: tenantId } },
            }),
          remove: () =>
            later({
              type: 'messageDelete',
              text: undefined,
              channelData: { eventType: 'softDeleteMessage', tenant: { id: tenantId } },
            }),
        };
      },
      stir: () => deliver(whispered({ type: 'somethingNew', id: 'f:1', text: undefined })),
      shown: () =>
        fake.messages.map(
          ({ text, conversation }): Shown => ({ text, room: conversation === directId ? 'direct' : 'group' }),
        ),
      counts: () => ({
        edits: fake.requests.filter(({ method }) => method === 'PUT').length,
        typing: fake.typing.length,
      }),
      revoke() {
        fake.state.password = 'another~one.that-nobody-has_told';
        fake.tokens.clear();
      },
      renew() {
        fake.state.password = 'aB8Q~renewed.renewed_renewed';
        return { appPassword: fake.state.password };
      },
      close: () => fake.close(),
    };
  },
};
