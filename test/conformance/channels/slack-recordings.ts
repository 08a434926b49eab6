/** What Slack sends, after the examples of https://docs.slack.dev/reference/events and /interactivity. */
import type { Recording } from './kit-hook.ts';

const ann = { id: 'U0ANN', name: null, isBot: false, isSelf: false };
const ts = '1735689600.000100';
const parent = '1735689500.000200';

const callback = (event: object, more: object = {}) =>
  JSON.stringify({
    token: 'XXYYZZ',
    team_id: 'T0ACME',
    api_app_id: 'A0APP',
    event: { event_ts: ts, ...event },
    type: 'event_callback',
    event_id: 'Ev0PV52K25',
    event_time: 1735689600,
    authorizations: [
      {
        enterprise_id: null,
        team_id: 'T0ACME',
        user_id: 'U0BOT',
        is_bot: true,
        is_enterprise_install: false,
      },
    ],
    is_ext_shared_channel: false,
    event_context: '4-eyJldCI6Im1lc3NhZ2UifQ',
    ...more,
  });

const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

const command = {
  command: '/nightshift',
  text: '',
  token: 'XXYYZZ',
  team_id: 'T0ACME',
  team_domain: 'acme',
  channel_id: 'C0GENERAL',
  channel_name: 'general',
  user_id: 'U0ANN',
  user_name: 'ann',
  api_app_id: 'A0APP',
  is_enterprise_install: 'false',
  response_url: 'https://hooks.slack.com/commands/T0ACME/1/abc',
  trigger_id: '13345224609.738474920.8088930838d88f008e0',
};

const pressed = (more: object) =>
  form({
    payload: JSON.stringify({
      type: 'block_actions',
      user: { id: 'U0ANN', username: 'ann', name: 'ann', team_id: 'T0ACME' },
      api_app_id: 'A0APP',
      token: 'XXYYZZ',
      container: { type: 'message', message_ts: ts, channel_id: 'C0GENERAL', is_ephemeral: false },
      trigger_id: '12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3',
      team: { id: 'T0ACME', domain: 'acme' },
      channel: { id: 'C0GENERAL', name: 'general' },
      message: { bot_id: 'B0BOT', type: 'message', text: 'Shall I?', user: 'U0BOT', ts, thread_ts: parent },
      response_url: 'https://hooks.slack.com/actions/T0ACME/1/abc',
      actions: [
        {
          action_id: 'nightshift:0',
          block_id: '=qXel',
          text: { type: 'plain_text', text: 'Yes', emoji: true },
          value: 'yes',
          type: 'button',
          action_ts: '1735689601.426417',
        },
      ],
      ...more,
    }),
  });

const file = {
  id: 'F0REPORT',
  created: 1735689600,
  name: 'report.pdf',
  title: 'The report',
  mimetype: 'application/pdf',
  filetype: 'pdf',
  mode: 'hosted',
  size: 12_345,
  is_external: false,
  url_private: 'https://files.slack.com/files-pri/T0ACME-F0REPORT/report.pdf',
  url_private_download: 'https://files.slack.com/files-pri/T0ACME-F0REPORT/download/report.pdf',
  permalink: 'https://acme.slack.com/files/U0ANN/F0REPORT/report.pdf',
  file_access: 'visible',
};

const said = { type: 'message', user: 'U0ANN', ts, team: 'T0ACME', client_msg_id: '4a6f2a7c' };
const inGeneral = { channel: 'C0GENERAL', channel_type: 'channel' };
const inDirect = { channel: 'D0ANN', channel_type: 'im' };
const mention = '<@U0BOT> what is &lt;new&gt; &amp; <https://example.com/a?b=1&amp;c=2|good>?';

export const recordings: Recording[] = [
  {
    name: 'a direct message',
    body: callback({ ...said, ...inDirect, text: 'Grüße *Ihnen* 👋' }),
    events: [
      {
        type: 'message',
        externalId: `T0ACME:D0ANN:${ts}`,
        messageId: `D0ANN:${ts}`,
        thread: { channel: 'D0ANN', ts },
        threadKey: 'D0ANN',
        direct: true,
        group: null,
        workspace: 'T0ACME',
        where: { kind: 'direct', name: null },
        sender: ann,
        text: 'Grüße *Ihnen* 👋',
        attachments: [],
      },
    ],
  },
  {
    name: 'a direct message in a thread, as assistants have them',
    body: callback({ ...said, ...inDirect, text: 'And?', thread_ts: parent }),
    events: [
      {
        thread: { channel: 'D0ANN', ts, thread_ts: parent },
        threadKey: `D0ANN:${parent}`,
        direct: true,
        where: { kind: 'direct', name: null },
      },
    ],
  },
  {
    name: 'a mention, as message',
    body: callback({ ...said, ...inGeneral, text: mention }),
    events: [
      {
        type: 'message',
        externalId: `T0ACME:C0GENERAL:${ts}`,
        thread: { channel: 'C0GENERAL', ts, thread_ts: ts },
        threadKey: `C0GENERAL:${ts}`,
        direct: false,
        group: 'C0GENERAL',
        // Nobody was asked for its name.
        where: { kind: 'channel', name: null },
        sender: ann,
        addressed: true,
        text: 'what is <new> & [good](https://example.com/a?b=1&c=2)?',
      },
    ],
  },
  {
    name: 'the same mention, as app_mention',
    body: callback({ ...said, type: 'app_mention', channel: 'C0GENERAL', text: mention }),
    events: [
      {
        type: 'message',
        externalId: `T0ACME:C0GENERAL:${ts}`,
        threadKey: `C0GENERAL:${ts}`,
        addressed: true,
        text: 'what is <new> & [good](https://example.com/a?b=1&c=2)?',
      },
    ],
  },
  {
    name: 'talk among others in a private channel',
    body: callback({
      ...said,
      channel: 'G0PRIVATE',
      channel_type: 'group',
      text: 'ask <@U0BOB|bob>, not @U0BOT or &lt;@U0BOT&gt;, in <#C1|sales> <!here>',
    }),
    events: [
      {
        addressed: false,
        mentionsOthers: true,
        group: 'G0PRIVATE',
        text: 'ask @bob, not @U0BOT or <@U0BOT>, in #sales @here',
      },
    ],
  },
  {
    name: 'a reply in a thread that hangs on a message of ours',
    body: callback({ ...said, ...inGeneral, text: 'thanks', thread_ts: parent, parent_user_id: 'U0BOT' }),
    events: [
      {
        addressed: true,
        threadKey: `C0GENERAL:${parent}`,
        thread: { thread_ts: parent, ts },
        where: { kind: 'thread', name: null },
        quoted: { messageId: `C0GENERAL:${parent}`, author: { name: null, isSelf: true }, text: '' },
      },
    ],
  },
  {
    name: 'a reply in a group direct message to somebody else',
    body: callback({
      ...said,
      channel: 'C0MPIM',
      channel_type: 'mpim',
      text: 'no',
      thread_ts: parent,
      parent_user_id: 'U0BOB',
    }),
    events: [
      {
        addressed: false,
        direct: false,
        group: 'C0MPIM',
        where: { kind: 'thread', name: null },
        quoted: { messageId: `C0MPIM:${parent}`, author: { isSelf: false } },
      },
    ],
  },
  {
    name: 'a group direct message',
    body: callback({ ...said, channel: 'C0MPIM', channel_type: 'mpim', text: 'no' }),
    events: [{ direct: false, where: { kind: 'group', name: null } }],
  },
  {
    name: 'a file that comes with a mention, as app_mention',
    body: callback({
      ...said,
      type: 'app_mention',
      channel: 'C0GENERAL',
      text: '<@U0BOT> read this',
      files: [file],
    }),
    events: [{ externalId: `T0ACME:C0GENERAL:${ts}`, attachments: [{ name: 'report.pdf' }] }],
  },
  {
    name: 'the same file, as file_share',
    body: callback({
      ...said,
      ...inGeneral,
      subtype: 'file_share',
      text: '<@U0BOT> read this',
      files: [file],
    }),
    events: [{ externalId: `T0ACME:C0GENERAL:${ts}`, attachments: [{ name: 'report.pdf' }] }],
  },
  {
    name: 'files, with one of another service, one that was deleted, and one of another company',
    body: callback({
      ...said,
      ...inDirect,
      subtype: 'file_share',
      text: 'here',
      files: [
        file,
        {
          id: 'F1',
          title: 'Plan',
          mode: 'external',
          is_external: true,
          url_private: 'https://docs.google.com/x',
        },
        { id: 'F2', mode: 'tombstone' },
        { id: 'F3', mode: 'file_access', file_access: 'check_file_info', created: 0 },
      ],
    }),
    events: [
      {
        text: 'here\n\nPlan: https://docs.google.com/x',
        attachments: [
          {
            name: 'report.pdf',
            mediaType: 'application/pdf',
            bytes: 12_345,
            source: { file: 'F0REPORT', url: file.url_private_download },
          },
          { name: 'F3', mediaType: 'application/octet-stream', bytes: null, source: { file: 'F3' } },
        ],
      },
    ],
  },
  {
    name: 'a forwarded message',
    body: callback({
      ...said,
      ...inDirect,
      text: '',
      attachments: [{ is_share: true, author_name: 'Bob', text: 'Ship it', from_url: 'https://x' }],
    }),
    events: [{ text: 'Ship it', forwarded: { from: 'Bob' } }],
  },
  {
    name: 'a forwarded message, with words about it',
    body: callback({
      ...said,
      ...inDirect,
      text: 'is he right?',
      attachments: [
        {
          ts: '1724966776.474889',
          author_id: 'U0BOB',
          author_name: 'Bob',
          channel_id: 'C07KTH1T4CQ',
          is_msg_unfurl: true,
          is_share: true,
          message_blocks: [
            {
              team: 'T0ACME',
              channel: 'C07KTH1T4CQ',
              ts: '1724966776.474889',
              message: {
                blocks: [
                  {
                    type: 'rich_text',
                    elements: [
                      {
                        type: 'rich_text_section',
                        elements: [
                          { type: 'text', text: 'Ship <it> & ' },
                          { type: 'user', user_id: 'U0ANN' },
                          { type: 'emoji', name: 'tada' },
                        ],
                      },
                    ],
                  },
                ],
              },
            },
          ],
        },
      ],
    }),
    events: [
      {
        text: 'is he right?',
        quoted: {
          messageId: 'C07KTH1T4CQ:1724966776.474889',
          author: { name: 'Bob', isSelf: false },
          text: 'Ship <it> & @U0ANN:tada:',
        },
      },
    ],
  },
  {
    name: 'several forwarded messages',
    body: callback({
      ...said,
      ...inDirect,
      text: '',
      attachments: [
        { is_share: true, author_name: 'Bob', text: 'one' },
        { is_share: true, author_name: 'Cleo', text: 'two' },
      ],
    }),
    events: [{ text: 'one\n\ntwo', forwarded: { from: null } }],
  },
  {
    name: 'a message that is all blocks, with a mention of us',
    body: callback({
      ...said,
      ...inGeneral,
      text: '',
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: 'Plan <B>' } },
        {
          type: 'section',
          text: { type: 'mrkdwn', text: '<@U0BOT> *go*' },
          fields: [{ type: 'mrkdwn', text: 'x' }],
        },
        {
          type: 'rich_text',
          elements: [
            {
              type: 'rich_text_list',
              style: 'bullet',
              elements: [
                { type: 'rich_text_section', elements: [{ type: 'text', text: 'tea' }] },
                {
                  type: 'rich_text_section',
                  elements: [{ type: 'link', url: 'https://x.example', text: 'X' }],
                },
              ],
            },
          ],
        },
        { type: 'divider' },
      ],
    }),
    events: [{ text: 'Plan <B>\n@U0BOT *go*\nx\n• tea\n• X (https://x.example)', addressed: true }],
  },
  {
    name: 'a message that is all attachments of an app',
    body: callback({
      ...said,
      ...inDirect,
      text: '',
      attachments: [{ title: 'Build 7', text: 'failed', fallback: 'no' }, { fallback: 'see there' }],
    }),
    events: [{ text: 'Build 7\nfailed\n\nsee there' }],
  },
  {
    name: 'blocks that say nothing in words',
    body: callback({ ...said, ...inDirect, text: '', blocks: [{ type: 'call', call_id: 'R1' }] }),
    events: [{ type: 'message', text: '', unsupported: ['card'] }],
  },
  {
    name: 'a file that is no longer there, and nothing else',
    body: callback({ ...said, ...inDirect, text: '', files: [{ id: 'F2', mode: 'tombstone' }] }),
    events: [{ type: 'message', text: '', attachments: [], unsupported: ['file'] }],
  },
  {
    name: 'its own message',
    body: callback({
      ...said,
      ...inGeneral,
      user: 'U0BOT',
      bot_id: 'B0BOT',
      app_id: 'A0APP',
      text: 'Done.',
      thread_ts: parent,
    }),
    events: [{ sender: { id: 'U0BOT', isBot: false, isSelf: true } }],
  },
  {
    name: 'another program',
    body: callback({
      type: 'message',
      subtype: 'bot_message',
      ...inGeneral,
      ts,
      bot_id: 'B0OTHER',
      username: 'Jenkins',
      text: '<@U0BOT> build failed',
    }),
    events: [{ sender: { id: 'B0OTHER', name: 'Jenkins', isBot: true, isSelf: false }, addressed: true }],
  },
  {
    name: 'Slackbot',
    body: callback({ ...said, ...inDirect, user: 'USLACKBOT', text: 'Reminder' }),
    events: [{ sender: { id: 'USLACKBOT', isBot: true } }],
  },
  {
    name: 'an edit',
    body: callback({
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      ...inDirect,
      ts: '1735689700.000300',
      message: { ...said, text: 'two', edited: { user: 'U0ANN', ts: '1735689700.000000' } },
      previous_message: { ...said, text: 'one' },
    }),
    events: [
      {
        type: 'edited',
        externalId: `T0ACME:D0ANN:${ts}:edited:1735689700.000000`,
        messageId: `D0ANN:${ts}`,
        threadKey: 'D0ANN',
        text: 'two',
        sender: ann,
      },
    ],
  },
  {
    name: 'a preview of a link that Slack added',
    body: callback({
      type: 'message',
      subtype: 'message_changed',
      ...inDirect,
      ts,
      message: { ...said, text: 'one', attachments: [{ id: 1, title: 'Example' }] },
      previous_message: { ...said, text: 'one' },
    }),
    events: [{ type: 'ignored', what: 'message.message_changed' }],
  },
  {
    name: 'a deletion',
    body: callback({
      type: 'message',
      subtype: 'message_deleted',
      hidden: true,
      ...inGeneral,
      ts: '1735689700.000300',
      deleted_ts: ts,
      previous_message: { ...said, text: 'one' },
    }),
    events: [{ type: 'deleted', externalId: `T0ACME:C0GENERAL:${ts}:deleted`, messageId: `C0GENERAL:${ts}` }],
  },
  {
    name: 'the deletion of a message that has replies',
    body: callback({
      type: 'message',
      subtype: 'message_changed',
      ...inGeneral,
      ts,
      message: { subtype: 'tombstone', text: 'This message was deleted.', ts, thread_ts: ts, hidden: true },
    }),
    events: [{ type: 'deleted', messageId: `C0GENERAL:${ts}` }],
  },
  {
    name: 'the command in a room',
    body: form({ ...command, text: 'tell <@U0BOB|bob> &amp; all' }),
    events: [
      {
        type: 'message',
        externalId: 'command:13345224609.738474920.8088930838d88f008e0',
        thread: { channel: 'C0GENERAL' },
        threadKey: 'C0GENERAL',
        direct: false,
        addressed: true,
        text: 'tell @bob & all',
        where: { kind: 'channel', name: '#general' },
        sender: { id: 'U0ANN', name: 'ann', isBot: false, isSelf: false },
      },
    ],
  },
  {
    name: 'the command in a direct conversation, with nothing said',
    body: form({ ...command, channel_id: 'D0ANN', channel_name: 'directmessage' }),
    events: [{ threadKey: 'D0ANN', direct: true, text: '/help' }],
  },
  {
    name: 'another command of the app',
    body: form({ ...command, command: '/stop' }),
    events: [{ text: '/stop' }],
  },
  {
    name: 'a button',
    body: pressed({}),
    events: [
      {
        type: 'action',
        externalId: `T0ACME:C0GENERAL:${ts}:nightshift:0:1735689601.426417`,
        value: 'yes',
        threadKey: `C0GENERAL:${parent}`,
        thread: { channel: 'C0GENERAL', thread_ts: parent, ts },
        where: { kind: 'thread', name: '#general' },
        sender: { id: 'U0ANN', name: 'ann' },
      },
    ],
  },
  {
    name: 'something pressed that is no button of ours',
    body: pressed({ actions: [{ action_id: 'x', action_ts: '1', type: 'users_select' }] }),
    events: [{ type: 'ignored', what: 'block_actions' }],
  },
  {
    name: 'the check of the address',
    body: '{"token":"XXYYZZ","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}',
    events: [{ type: 'ignored', what: 'url_verification' }],
  },
  ...[
    [
      'reaction_added',
      { type: 'reaction_added', user: 'U0ANN', reaction: 'tada', item: { type: 'message' } },
    ],
    ['message.channel_join', { ...said, ...inGeneral, subtype: 'channel_join', text: 'ann has joined' }],
    ['message.empty', { ...said, ...inGeneral, text: '' }],
    ['assistant_thread_started', { type: 'assistant_thread_started', assistant_thread: {} }],
  ].map(([what, event]) => ({
    name: `${what}, which says nothing`,
    body: callback(event as object),
    events: [{ type: 'ignored', externalId: 'Ev0PV52K25', what }],
  })),
  {
    name: 'that Slack holds events back',
    body: '{"token":"XXYYZZ","type":"app_rate_limited","team_id":"T0ACME","minute_rate_limited":1518467820,"api_app_id":"A0APP"}',
    events: [{ type: 'ignored', what: 'app_rate_limited' }],
  },
  {
    name: 'the check of the certificate',
    body: 'ssl_check=1&token=XXYYZZ',
    events: [{ type: 'ignored', what: 'untyped' }],
  },
];

export const malformed = [
  'payload=',
  'payload=%7B',
  'command=%2Fnightshift&text=hello',
  '{"type":"event_callback"}',
  callback({ type: 'message', user: 'U0ANN', text: 'nowhere' }),
  callback({ ...said, ...inGeneral, text: 7 }),
  callback({ ...said, ...inGeneral, text: 'x', files: 'none' }),
  callback({ type: 'message', subtype: 'message_changed', ...inGeneral, ts }),
  callback({ type: 'message', subtype: 'message_deleted', ...inGeneral, ts }),
  pressed({ actions: [] }),
];
