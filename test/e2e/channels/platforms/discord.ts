import { vi } from 'vitest';
import {
  ann,
  bot,
  botToken,
  directId,
  newSnowflake,
  posted,
  startFakeDiscord,
  whispered,
} from '../../../support/discord/index.ts';
import type { Place, Platform, Shown } from './platform.ts';

const gap = '\u200b';
const unauthorized = { status: 401, body: JSON.stringify({ message: '401: Unauthorized', code: 0 }) };

export const discord: Platform = {
  name: 'Discord',
  async start(): Promise<Place> {
    const fake = await startFakeDiscord();
    const sentTo = (method: string, path: RegExp) =>
      fake.requests.filter((each) => each.method === method && path.test(each.url.pathname)).length;

    async function dispatch(type: string, data: object): Promise<void> {
      await vi.waitUntil(() => fake.gateway.open.length > 0, { timeout: 60_000 });
      fake.gateway.dispatch(type, data);
    }

    return {
      channel: { kind: 'discord', credentials: { botToken }, settings: { apiUrl: `${fake.url}/api/v10` } },
      wrongCredentials: { botToken: botToken.replaceAll('onlyForTests', 'ofNobody0000') },
      account: `@${bot.username}`,
      formatted: {
        text: `Hello **Ann**, *at last*: @${gap}everyone <!channel> <${gap}@U0BOB>\n\n- one\n- two with \`a * b\`\n\nSee [the guide](https://example.com/guide).\n\n\`\`\`js\nok();\n\`\`\``,
      },
      hasGroups: true,
      async say(said, { room = 'direct', mention = false, file } = {}) {
        const id = newSnowflake();
        const path = `/attachments/${id}/plan.png`;
        if (file) fake.files.set(path, file);
        const parts = {
          id,
          author: ann,
          content: mention ? `<@${bot.id}> ${said}` : said,
          mentions: mention ? [bot] : [],
          attachments: file
            ? [
                {
                  id: newSnowflake(),
                  filename: 'plan.png',
                  content_type: 'image/png',
                  size: file.length,
                  url: fake.url + path,
                },
              ]
            : [],
        };
        const message = room === 'direct' ? whispered(parts) : posted(parts);
        await dispatch('MESSAGE_CREATE', message);
        return {
          again: () => dispatch('MESSAGE_CREATE', message),
          edit: (content) =>
            dispatch('MESSAGE_UPDATE', { ...message, content, edited_timestamp: new Date().toISOString() }),
          remove: () => dispatch('MESSAGE_DELETE', { id, channel_id: message.channel_id }),
        };
      },
      stir: () => dispatch('MESSAGE_UPDATE', posted({ id: newSnowflake() })),
      shown: () =>
        fake.messages
          .filter(({ author }) => author.id === bot.id)
          .map(
            ({ content, channel_id, attachments: [file] }): Shown => ({
              text: content,
              room: channel_id === directId ? 'direct' : 'group',
              ...(file && { file: { name: file.filename, data: Buffer.from(file.bytes, 'base64') } }),
            }),
          ),
      counts: () => ({ edits: sentTo('PATCH', /\/messages\//), typing: fake.typing.length }),
      revoke: () => fake.react(() => unauthorized),
      renew() {
        fake.react(() => undefined);
        return { botToken };
      },
      close: () => fake.close(),
    };
  },
};
