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
  sender: fromMegan,
};
const inThread = {
  thread: { serviceUrl, conversationId: threadId, activityId: '1485983408511' },
  threadKey: threadId,
  direct: false,
  group: channelId,
  workspace: teamId,
  sender: fromMegan,
};
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
    [{ text: '@A$&B and  meet', addressed: true }],
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
    [{ threadKey: groupChatId, direct: false, group: groupChatId, workspace: tenantId }],
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
