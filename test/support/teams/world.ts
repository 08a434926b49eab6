/** A tenant, and activities of it by the examples of Microsoft's documentation. */

export const appId = '6aebbad0-e5a5-424a-834a-20fb051f3c1a';
export const appPassword = 'aB8Q~onlyForTests.onlyForTests_onlyForT';
export const tenantId = '72f988bf-86f1-41af-91ab-2d7cd011db47';
export const serviceUrl = 'https://smba.trafficmanager.net/amer/';

export const bot = { id: `28:${appId}`, name: 'Nightshift' };
export const megan = {
  id: '29:1XJKJMvc5GBtc2JwZq0oj8tHZmzrQgFmB39ATiQWA85gQtHieVkKilBZ9XHoq9j7Zaqt7CZ-NJWi7me2kHTL3Bw',
  name: 'Megan Bowen',
  aadObjectId: '7faf8ab2-3d56-4244-b585-20c8a42ed2b8',
};

export const directId =
  'a:17I0kl9EkpE1O9PH5TWrzrLNwnWWcfrU7QZjKR0WSfOpzbfcAg2IaydGElSo10tVr4C7Fc6GtieTJX663WuJCc1uA83n4CSrHSgGBj5XNYLcVlJAs2ZX8DbYBPck201w-';
export const channelId = '19:253b1f341670408fb6fe51050b6e5ceb@thread.skype';
export const teamId = '19:712c61d0ef384e5fa681ba90ca943398@thread.skype';
export const threadId = `${channelId};messageid=1481567603816`;
export const groupChatId = '19:1be8e5a8d3c04c2a9e6d39e7a8d9f0b1@thread.v2';

export interface ActivityParts {
  [field: string]: unknown;
}

/** In a personal chat. */
export const whispered = (parts: ActivityParts = {}) => ({
  type: 'message',
  id: '1485983408511',
  timestamp: '2026-02-01T21:10:07.437Z',
  localTimestamp: '2026-02-01T14:10:07.437-07:00',
  serviceUrl,
  channelId: 'msteams',
  from: megan,
  conversation: { conversationType: 'personal', id: directId, tenantId },
  recipient: bot,
  textFormat: 'plain',
  text: 'Hello Teams TestBot',
  attachments: [{ contentType: 'text/html', content: '<div>Hello Teams <strong>TestBot</strong></div>' }],
  entities: [{ locale: 'en-US', country: 'US', platform: 'Windows', type: 'clientInfo' }],
  channelData: { tenant: { id: tenantId } },
  locale: 'en-US',
  ...parts,
});

/** In a thread of a channel, where bots only hear what mentions them. */
export const posted = (parts: ActivityParts = {}) =>
  whispered({
    text: '<at>Nightshift</at>&nbsp;what is up?',
    conversation: { isGroup: true, conversationType: 'channel', id: threadId, tenantId },
    entities: [{ type: 'mention', mentioned: bot, text: '<at>Nightshift</at>' }],
    channelData: { channel: { id: channelId }, team: { id: teamId }, tenant: { id: tenantId } },
    ...parts,
  });
