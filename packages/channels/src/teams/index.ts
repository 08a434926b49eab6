/** Microsoft Teams, through the Bot Framework's connector: activities come by HTTP and go out by HTTP. docs/channels/teams.md */
import { type ChannelAdapter, defaultEditThrottle, type HookAnswer } from '../channel.ts';
import { Credentials, Settings } from './connection.ts';
import { download } from './download.ts';
import { isExecute, parseActivity, readActivity } from './events.ts';
import { createKeyring } from './keys.ts';
import { createOutbound } from './outbound.ts';
import { probe } from './probe.ts';
import { createTokenStore } from './tokens.ts';
import { verify } from './verify.ts';

const mebibyte = 1024 * 1024;

/** Whoever pressed is told nothing more, and their card stays. https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model#response-format */
const executed: HookAnswer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ statusCode: 200, type: 'application/vnd.microsoft.activity.message', value: '' }),
};

export function createTeams(): ChannelAdapter<Credentials, Settings> {
  const keyring = createKeyring();
  const tokens = createTokenStore();
  const { send, edit, typing } = createOutbound(tokens);
  return {
    kind: 'teams',
    capabilities: {
      dialect: 'teams',
      // A message may have "approximately 100 KB", of which 80 are sure to arrive, in UTF-16 and with everything around
      // it; it was 40 KB in all not long ago, and in some clouds may still be.
      // https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
      limit: { max: 18_000, unit: 'utf16' },
      idempotentSend: false,
      edit: defaultEditThrottle,
      typing: { lastsMs: 3_000 },
      // 7 operations in a second, 60 in 30 seconds in a conversation, and 50 a second in a tenant. Edits are operations.
      // https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
      rates: {
        chat: ['conversationId'],
        direct: { messages: 60, perMs: 30_000, burst: 7 },
        group: { messages: 60, perMs: 30_000, burst: 7 },
        connection: { messages: 50, perMs: 1_000 },
        edits: true,
      },
      threads: true,
      // A bot gives people a file by asking them first, and then has to have it still.
      files: { inMax: 25 * mebibyte, outMax: null },
      reactions: false,
      buttons: true,
    },
    credentials: Credentials,
    settings: Settings,
    hook: {
      verify: (request, connection, context) => verify(request, connection, context, keyring),
      parse: parseActivity,
      answer(request) {
        const activity = readActivity(request);
        if (activity.type !== 'invoke') return { status: 200 };
        // "Not implemented", so that Teams says that nothing came of it.
        return isExecute(activity) ? executed : { status: 501 };
      },
    },
    send,
    edit,
    typing,
    download: (attachment, connection, context) => download(attachment, connection, context, tokens),
    probe: (connection, context) => probe(connection, context, tokens, keyring),
  };
}

export const teams = createTeams();
