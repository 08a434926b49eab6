/** What there is in the fake's workspace, and what its Web API does with it, by the vendor's documentation. */
import { randomInt } from 'node:crypto';

export interface Shown {
  channel: string;
  ts: string;
  thread_ts?: string;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: as the adapter sent them
  blocks?: any[];
  files?: { name: string; data: Buffer }[];
  reactions: string[];
}

export interface Workspace {
  /** Whose token it is. */
  us: typeof bot;
  messages: Shown[];
  /** Of threads: what is shown under them while an answer is written. */
  statuses: Map<string, string>;
  uploads: Map<string, { name: string; length: number; data?: Buffer }>;
  files: Map<string, { name: string; data: Buffer; mediaType: string }>;
  /** The scopes of the token. */
  granted(): readonly string[];
}

export const team = { id: 'T0ACME', name: 'Acme' };
export const bot = { user: 'U0BOT', name: 'nightshift', id: 'B0BOT', app: 'A0APP' };
/** Where the app is, where it is not, and what is archived. */
export const channels = { general: 'C0GENERAL', direct: 'D0ANN', elsewhere: 'C0ELSEWHERE', old: 'C0OLD' };

/** What there is to be known of those that events name by an id alone. */
export const people: Readonly<Record<string, object>> = {
  U0ANN: { name: 'ann', real_name: 'Ann Lee', profile: { display_name: 'Ann', real_name: 'Ann Lee' } },
  U0BOB: { name: 'bob', real_name: 'Bob Ray', profile: { display_name: '', real_name: 'Bob Ray' } },
  U0BOT: { name: 'nightshift', is_bot: true, profile: { display_name: '', real_name: 'Nightshift' } },
};
export const rooms: Readonly<Record<string, { scope: string; room: object }>> = {
  C0GENERAL: { scope: 'channels:read', room: { name: 'general', is_channel: true } },
  G0PRIVATE: { scope: 'groups:read', room: { name: 'board', is_private: true } },
  C0MPIM: { scope: 'mpim:read', room: { name: 'mpdm-ann--bob-1', is_mpim: true } },
};

export class SlackError extends Error {
  readonly code: string;
  readonly more: object;
  constructor(code: string, more: object = {}) {
    super(code);
    this.code = code;
    this.more = more;
  }
}

export interface Method {
  scope?: string;
  required: readonly string[];
  optional?: readonly string[];
  run(args: Record<string, string>, workspace: Workspace, origin: string): object;
}

export const newTs = () =>
  `${Math.floor(Date.now() / 1000)}.${String(randomInt(1_000_000)).padStart(6, '0')}`;

function assertPostable(channel: string): void {
  if (channel === channels.elsewhere) throw new SlackError('not_in_channel');
  if (channel === channels.old) throw new SlackError('is_archived');
  if (channel !== channels.general && channel !== channels.direct) throw new SlackError('channel_not_found');
}

function assertTs(ts: string | undefined): void {
  if (ts !== undefined && !/^\d{10}\.\d{6}$/.test(ts)) throw new SlackError('invalid_thread_ts');
}

/** https://docs.slack.dev/reference/block-kit/blocks: as much of it as is sent. */
function readBlocks(json: string | undefined): Shown['blocks'] {
  if (json === undefined) return undefined;
  const blocks = JSON.parse(json);
  const actionIds = new Set<string>();
  if (!Array.isArray(blocks) || blocks.length > 50) throw new SlackError('invalid_blocks');
  for (const block of blocks) {
    if (block.type === 'section') {
      const { text } = block;
      if (text?.type !== 'mrkdwn' || !text.text || text.text.length > 3000)
        throw new SlackError('invalid_blocks');
    } else if (block.type === 'actions') {
      if (block.elements.length > 25) throw new SlackError('invalid_blocks');
      for (const { type, text, value, action_id: id } of block.elements) {
        const fine = type === 'button' && text.type === 'plain_text' && text.text.length <= 75;
        if (!fine || value.length > 2000 || !id || id.length > 255 || actionIds.has(id))
          throw new SlackError('invalid_blocks');
        actionIds.add(id);
      }
    } else throw new SlackError('invalid_blocks');
  }
  return blocks;
}

function readContent({ text, blocks, parse, link_names }: Record<string, string>) {
  if (!text && !blocks) throw new SlackError('no_text');
  if (text && text.length > 4000) throw new SlackError('msg_too_long');
  // Not Slack's rules but ours: nobody is called by what a model writes.
  if (parse !== 'none' || link_names !== 'false' || /<[!@]/.test(`${text}${blocks}`))
    throw new SlackError('would_ping');
  return { text: text ?? '', blocks: readBlocks(blocks) };
}

function find({ messages }: Workspace, channel: string | undefined, ts: string | undefined): Shown {
  const message = messages.find((each) => each.channel === channel && each.ts === ts);
  if (!message) throw new SlackError('message_not_found');
  return message;
}

const content = ['text', 'blocks', 'parse', 'link_names'];

export const methods: Readonly<Record<string, Method>> = {
  'auth.test': {
    required: [],
    run: (_args, { us }) => ({
      url: 'https://acme.slack.com/',
      team: team.name,
      user: us.name,
      team_id: team.id,
      user_id: us.user,
      bot_id: us.id,
    }),
  },
  'chat.postMessage': {
    scope: 'chat:write',
    required: ['channel'],
    optional: [...content, 'thread_ts', 'unfurl_links', 'unfurl_media'],
    run(args, { messages, us }) {
      const { channel = '', thread_ts, unfurl_links, unfurl_media } = args;
      assertPostable(channel);
      assertTs(thread_ts);
      if (unfurl_links !== 'false' || unfurl_media !== 'false') throw new SlackError('would_unfurl');
      const { text, blocks } = readContent(args);
      const ts = newTs();
      messages.push({
        channel,
        ts,
        ...(thread_ts && { thread_ts }),
        text,
        ...(blocks && { blocks }),
        reactions: [],
      });
      return { channel, ts, message: { text, ts, user: us.user, bot_id: us.id } };
    },
  },
  'chat.update': {
    scope: 'chat:write',
    required: ['channel', 'ts'],
    optional: content,
    run(args, workspace) {
      const { channel, ts } = args;
      const message = find(workspace, channel, ts);
      const { text, blocks } = readContent(args);
      message.text = text;
      delete message.blocks;
      if (blocks?.length) message.blocks = blocks;
      return { channel, ts, text };
    },
  },
  'reactions.add': {
    scope: 'reactions:write',
    required: ['channel', 'timestamp', 'name'],
    run({ channel, timestamp, name = '' }, workspace) {
      const { reactions } = find(workspace, channel, timestamp);
      if (!/^[a-z0-9_+'-]+$/.test(name)) throw new SlackError('invalid_name');
      if (reactions.includes(name)) throw new SlackError('already_reacted');
      reactions.push(name);
      return {};
    },
  },
  'assistant.threads.setStatus': {
    scope: 'chat:write',
    required: ['channel_id', 'thread_ts', 'status'],
    run({ channel_id = '', thread_ts = '', status = '' }, { statuses }) {
      assertPostable(channel_id);
      assertTs(thread_ts);
      statuses.set(thread_ts, status);
      return {};
    },
  },
  'files.getUploadURLExternal': {
    scope: 'files:write',
    required: ['filename', 'length'],
    run({ filename = '', length }, { uploads }, origin) {
      if (!(Number(length) > 0)) throw new SlackError('missing_argument');
      const id = `F0UPLOAD${uploads.size}`;
      uploads.set(id, { name: filename, length: Number(length) });
      return { upload_url: `${origin}/upload/v1/${id}`, file_id: id };
    },
  },
  'files.completeUploadExternal': {
    scope: 'files:write',
    required: ['files'],
    optional: ['channel_id', 'thread_ts'],
    run({ files = '', channel_id = '', thread_ts }, { uploads, messages }) {
      assertPostable(channel_id);
      assertTs(thread_ts);
      const shared = (JSON.parse(files) as { id: string; title?: string }[]).map(({ id, title }) => {
        const { data, name } = uploads.get(id) ?? {};
        if (!data || !name) throw new SlackError('file_not_found');
        uploads.delete(id);
        return { id, name: title ?? name, data };
      });
      const ts = newTs();
      messages.push({
        channel: channel_id,
        ts,
        ...(thread_ts && { thread_ts }),
        text: '',
        files: shared,
        reactions: [],
      });
      return { files: shared.map(({ id, name }) => ({ id, title: name })) };
    },
  },
  'files.info': {
    scope: 'files:read',
    required: ['file'],
    run({ file = '' }, { files }, origin) {
      const found = files.get(file);
      if (!found) throw new SlackError('file_not_found');
      return {
        file: { id: file, name: found.name, url_private: `${origin}/files-pri/${file}/${found.name}` },
      };
    },
  },
  // https://docs.slack.dev/reference/methods/users.info
  'users.info': {
    scope: 'users:read',
    required: ['user'],
    run({ user = '' }) {
      if (!Object.hasOwn(people, user)) throw new SlackError('user_not_found');
      return { user: { id: user, team_id: team.id, ...people[user] } };
    },
  },
  // Which scope it needs depends on the room: https://docs.slack.dev/reference/methods/conversations.info
  'conversations.info': {
    required: ['channel'],
    run({ channel = '' }, { granted }) {
      if (!Object.hasOwn(rooms, channel)) throw new SlackError('channel_not_found');
      const { scope, room } = rooms[channel]!;
      if (!granted().includes(scope))
        throw new SlackError('missing_scope', { needed: scope, provided: granted().join(',') });
      return { channel: { id: channel, ...room } };
    },
  },
};
