/** Activities by the examples of Microsoft's documentation, and what they mean. */
import {
  appId,
  bot,
  channelId,
  directId,
  groupChatId,
  megan,
  posted,
  serviceUrl,
  teamId,
  tenantId,
  threadId,
  whispered,
} from '../../support/teams/index.ts';
import type { Recording } from './kit-hook.ts';

const fromMegan = { id: megan.aadObjectId, name: 'Megan Bowen', isBot: false, isSelf: false };
const direct = {
  thread: { serviceUrl, conversationId: directId, activityId: '1485983408511' },
  threadKey: directId,
  direct: true,
  group: null,
  workspace: tenantId,
  where: { kind: 'direct', name: null },
  sender: fromMegan,
};
const inThread = {
  thread: { serviceUrl, conversationId: threadId, activityId: '1485983408511' },
  threadKey: threadId,
  direct: false,
  group: channelId,
  workspace: teamId,
  where: { kind: 'thread', name: null },
  sender: fromMegan,
};
const html = (content: string) => ({ contentType: 'text/html', content });
const ids = { messageId: `${directId}/1485983408511`, externalId: `${directId}/1485983408511` };
const file = {
  contentType: 'application/vnd.microsoft.teams.file.download.info',
  contentUrl:
    'https://contoso.sharepoint.com/personal/megan_contoso_com/Documents/Applications/file_example.txt',
  name: 'file_example.txt',
  content: {
    downloadUrl: 'https://contoso.sharepoint.com/personal/megan/download.aspx?tempauth=1',
    fileType: 'txt',
  },
};
const picture = {
  contentType: 'image/png',
  contentUrl: 'https://smba.trafficmanager.net/amer/v3/attachments/0-eus-d1/views/original',
};

const recorded = (name: string, activity: object, events: object[]): Recording => ({
  name,
  body: JSON.stringify(activity),
  events,
});
const event = (activity: object, what: string) => recorded(what, activity, [{ type: 'ignored', what }]);

export const recordings: Recording[] = [
  recorded('a message in a personal chat', whispered(), [
    { ...direct, ...ids, type: 'message', text: 'Hello Teams TestBot', addressed: false, attachments: [] },
  ]),
  recorded('a mention in a thread of a channel', posted(), [
    { ...inThread, type: 'message', text: 'what is up?', addressed: true },
  ]),
  recorded(
    'a mention of somebody else, with a name like a pattern, and of us further on',
    posted({
      text: '<at>A$&B</at> and <at>Nightshift</at> meet',
      entities: [
        { type: 'mention', mentioned: { id: '29:2', name: 'A$&B' }, text: '<at>A$&B</at>' },
        { type: 'mention', mentioned: bot, text: '<at>Nightshift</at>' },
      ],
    }),
    [{ text: '@A$&B and  meet', addressed: true, mentionsOthers: true }],
  ),
  recorded(
    'a mention that is only written: not us',
    posted({ text: '<at>Nightshift</at> hello', entities: [] }),
    [{ text: '<at>Nightshift</at> hello', addressed: false }],
  ),
  recorded(
    'a message in a group chat',
    posted({
      conversation: { isGroup: true, conversationType: 'groupChat', id: groupChatId, tenantId },
      channelData: { tenant: { id: tenantId } },
    }),
    [
      {
        threadKey: groupChatId,
        direct: false,
        group: groupChatId,
        workspace: tenantId,
        where: { kind: 'group', name: null },
      },
    ],
  ),
  recorded(
    'a message in a channel whose name is told, which begins a thread',
    posted({
      id: '1481567603816',
      channelData: {
        channel: { id: channelId, name: 'General' },
        team: { id: teamId, name: 'Sales' },
        tenant: { id: tenantId },
      },
    }),
    [{ where: { kind: 'channel', name: 'Sales › General' } }],
  ),
  recorded(
    'a quoted reply, by its entity',
    whispered({
      text: '<quoted messageId="1772050244572"/> Why?',
      entities: [
        {
          type: 'quotedReply',
          quotedReply: {
            messageId: '1772050244572',
            senderId: bot.id,
            senderName: 'Nightshift',
            preview: 'No.',
            time: '1772050244572',
          },
        },
      ],
    }),
    [
      {
        text: 'Why?',
        quoted: {
          messageId: `${directId}/1772050244572`,
          author: { name: 'Nightshift', isSelf: true },
          text: 'No.',
        },
      },
    ],
  ),
  recorded(
    'a quoted reply, by its attachment',
    whispered({
      text: 'Why?',
      attachments: [
        {
          contentType: 'messageReference',
          content: JSON.stringify({
            messageId: '1616963377068',
            messagePreview: 'Hello there',
            messageSender: {
              application: null,
              user: { userIdentityType: 'aadUser', id: megan.aadObjectId, displayName: 'Alex Wilber' },
            },
          }),
        },
      ],
    }),
    [
      {
        text: 'Why?',
        quoted: {
          messageId: `${directId}/1616963377068`,
          author: { name: 'Alex Wilber', isSelf: false },
          text: 'Hello there',
        },
      },
    ],
  ),
  recorded(
    'a quoted reply, by its HTML',
    whispered({
      text: 'Why?',
      attachments: [
        html(
          `<blockquote itemscope="" itemtype="http://schema.skype.com/Reply" itemid="1616963377068"><strong itemprop="mri" itemid="8:orgid:7faf8ab2">Alex &amp; Co</strong><span itemprop="time" itemid="1616963377068"></span><p itemprop="preview">It costs &lt; 5&nbsp;EUR</p></blockquote><p>Why?</p>`,
        ),
      ],
    }),
    [
      {
        text: 'Why?',
        quoted: {
          messageId: `${directId}/1616963377068`,
          author: { name: 'Alex & Co', isSelf: false },
          text: 'It costs < 5 EUR',
        },
      },
    ],
  ),
  recorded(
    'what looks like a quote and is none, or is none that can be read',
    whispered({
      text: 'Hi',
      entities: [{ type: 'quotedReply', quotedReply: 7 }],
      attachments: [html('<blockquote>Hi</blockquote>'), { contentType: 'messageReference', content: '{' }],
    }),
    [{ type: 'message', text: 'Hi' }],
  ),
  recorded(
    'a card without a text',
    whispered({
      text: undefined,
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            body: [
              { type: 'TextBlock', text: 'Deploy 7' },
              { type: 'FactSet', facts: [{ title: 'by', value: 'Ann' }] },
              { type: 'ColumnSet', columns: [{ items: [{ type: 'TextBlock', text: 'failed' }] }] },
            ],
            actions: [{ type: 'Action.Submit', title: 'Retry' }],
          },
        },
      ],
    }),
    [{ type: 'message', text: 'Deploy 7\nby\nAnn\nfailed' }],
  ),
  recorded(
    'a card that says nothing in words',
    whispered({
      text: undefined,
      attachments: [{ contentType: 'application/vnd.microsoft.card.audio', content: { media: [] } }],
    }),
    [{ type: 'message', text: '', unsupported: ['card'] }],
  ),
  recorded(
    'a voice message, whose sound bots are not given',
    whispered({ text: undefined, attachments: [{ contentType: 'audio/mp4', contentUrl: 'https://x' }] }),
    [{ type: 'message', text: '', unsupported: ['audio'] }],
  ),
  recorded(
    'what it does not know',
    whispered({ text: undefined, attachments: [{ contentType: 'application/vnd.dream' }] }),
    [{ type: 'message', text: '', unsupported: ['message of an unknown kind'] }],
  ),
  recorded(
    'files and a picture',
    whispered({ text: '', attachments: [file, picture, { contentType: 'text/html', content: '<p>' }] }),
    [
      {
        text: '',
        attachments: [
          { name: 'file_example.txt', bytes: null, source: { url: file.content.downloadUrl } },
          { name: 'picture.png', mediaType: 'image/png', source: { url: picture.contentUrl } },
        ],
      },
    ],
  ),
  recorded('what we said', whispered({ from: bot }), [{ sender: { isBot: true, isSelf: true } }]),
  recorded('what another bot said', posted({ from: { id: '28:9c5f-other', name: 'Other' } }), [
    { sender: { id: '28:9c5f-other', isBot: true, isSelf: false } },
  ]),
  recorded(
    'a button',
    whispered({ id: 'f:5-1', text: undefined, value: { nightshift: 'approve:42' }, replyToId: '1:077' }),
    [{ ...direct, thread: { ...direct.thread, activityId: 'f:5-1' }, type: 'action', value: 'approve:42' }],
  ),
  recorded(
    'a button that is executed',
    posted({
      type: 'invoke',
      name: 'adaptiveCard/action',
      value: { action: { type: 'Action.Execute', data: { nightshift: 'no' } } },
    }),
    [{ ...inThread, type: 'action', value: 'no' }],
  ),
  recorded(
    "a button of another app's card",
    whispered({ text: undefined, attachments: undefined, value: { other: 1 } }),
    [{ type: 'ignored', what: 'message without content' }],
  ),
  recorded(
    'an edit',
    whispered({
      type: 'messageUpdate',
      text: 'Hello again',
      channelData: { eventType: 'editMessage', tenant: { id: tenantId } },
    }),
    [{ ...direct, type: 'edited', messageId: ids.messageId, text: 'Hello again' }],
  ),
  recorded(
    'a deletion that is taken back',
    whispered({
      type: 'messageUpdate',
      channelData: { eventType: 'undeleteMessage', tenant: { id: tenantId } },
    }),
    [{ type: 'edited', messageId: ids.messageId, text: 'Hello Teams TestBot' }],
  ),
  recorded(
    'a deletion',
    whispered({
      type: 'messageDelete',
      text: undefined,
      channelData: { eventType: 'softDeleteMessage', tenant: { id: tenantId } },
    }),
    [{ type: 'deleted', messageId: ids.messageId }],
  ),
  event(
    {
      ...posted({ type: 'conversationUpdate', id: 'f:1', membersAdded: [bot] }),
      channelData: { eventType: 'teamMemberAdded', tenant: { id: tenantId } },
    },
    'conversationUpdate teamMemberAdded',
  ),
  event(
    whispered({ type: 'installationUpdate', id: 'f:2', action: 'add', text: undefined }),
    'installationUpdate add',
  ),
  event(whispered({ type: 'messageReaction', reactionsAdded: [{ type: 'like' }] }), 'messageReaction'),
  event(whispered({ type: 'typing', id: undefined }), 'typing'),
  event(
    whispered({ type: 'invoke', name: 'fileConsent/invoke', value: { type: 'fileUpload' } }),
    'invoke fileConsent/invoke',
  ),
  event(whispered({ type: `event-${appId}` }), `event-${appId}`),
];
