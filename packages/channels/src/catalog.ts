/**
 * The chat platforms that there are, and what is needed to connect each: enough to draw a setup form. This file imports
 * nothing, so that whoever only lists them loads no platform's library; a test holds it to the adapters' own schemas.
 */

export interface CatalogChannel {
  /** `Channel.kind`, and its adapter's. */
  readonly slug: string;
  readonly name: string;
  /** One sentence: what it is for. */
  readonly summary: string;
  /** How messages come in. Several: a setting chooses. None: people write to this server itself. */
  readonly connects: readonly ('webhook' | 'socket' | 'polling')[];
  readonly fields: readonly CatalogField[];
  /** What a person does, in order, who has never seen the platform's console. `{webhookUrl}` stands for the channel's own. */
  readonly setup: readonly string[];
  /** What a web page is given, where the channel lives on one; `{publicUrl}` and `{key}` stand for the server's and the channel's own. */
  readonly snippet?: string;
  /** The guide, in this repository. */
  readonly docs: string;
  /** What a new channel begins with. */
  readonly defaults: {
    /** What somebody hears whom nobody has approved: a pairing code, nothing, or answers. */
    readonly strangers: 'pair' | 'ignore' | 'answer';
    /** Whether answers are shown while they are written, where the platform can. */
    readonly live: boolean;
  };
}

export interface CatalogField {
  readonly name: string;
  /** Which part of the channel's body it belongs to: what is in `credentials` is encrypted and never shown again. */
  readonly in: 'credentials' | 'settings';
  readonly label: string;
  /** Where to find it, what it does. */
  readonly help: string;
  readonly secret: boolean;
  readonly required: boolean;
  readonly placeholder?: string;
  readonly type: 'text' | 'url' | 'number' | 'boolean' | 'choice';
  /** Of a choice; the first one is the default. */
  readonly choices?: readonly { readonly value: string; readonly label: string }[];
}

export const channelCatalog: readonly CatalogChannel[] = [
  {
    slug: 'discord',
    name: 'Discord',
    summary: 'A bot in your Discord servers, in their threads, and in direct messages.',
    connects: ['socket'],
    fields: [
      {
        name: 'botToken',
        in: 'credentials',
        label: 'Bot token',
        help: 'Discord Developer Portal, your app, page "Bot", "Reset Token". Discord shows it once.',
        secret: true,
        required: true,
        type: 'text',
      },
      {
        name: 'apiUrl',
        in: 'settings',
        label: "Address of Discord's API",
        help: 'Leave it empty. Only for an emulator on the same machine.',
        secret: false,
        required: false,
        placeholder: 'https://discord.com/api/v10',
        type: 'url',
      },
    ],
    setup: [
      'Open https://discord.com/developers/applications, press "New Application", and name it as the agent shall be called.',
      'On the page "Bot", turn on "Message Content Intent" under "Privileged Gateway Intents", and save.',
      'On the same page press "Reset Token", copy the token, and paste it here.',
      'Save and test the channel: the bot is shown with its name, and with a link that invites it to a server.',
      'Open the link, choose your server, and authorize. Then write to the bot, or mention it in a channel.',
    ],
    docs: 'docs/channels/discord.md',
    defaults: { strangers: 'pair', live: true },
  },
  {
    slug: 'slack',
    name: 'Slack',
    summary:
      'The agent in your workspace: in direct messages, in channels where it is mentioned, and as a command.',
    connects: ['socket', 'webhook'],
    fields: [
      {
        name: 'mode',
        in: 'settings',
        label: 'How messages come in',
        help: 'Socket Mode works everywhere. HTTP needs a public address that begins with https://.',
        secret: false,
        required: false,
        type: 'choice',
        choices: [
          { value: 'socket', label: 'Socket Mode' },
          { value: 'http', label: 'HTTP' },
        ],
      },
      {
        name: 'botToken',
        in: 'credentials',
        label: 'Bot token',
        help: 'On the page of your app: OAuth & Permissions, Bot User OAuth Token.',
        secret: true,
        required: true,
        placeholder: 'xoxb-…',
        type: 'text',
      },
      {
        name: 'appToken',
        in: 'credentials',
        label: 'App-level token',
        help: 'For Socket Mode: Basic Information, App-Level Tokens, with the scope connections:write.',
        secret: true,
        required: false,
        placeholder: 'xapp-…',
        type: 'text',
      },
      {
        name: 'signingSecret',
        in: 'credentials',
        label: 'Signing secret',
        help: 'For HTTP: Basic Information, App Credentials.',
        secret: true,
        required: false,
        type: 'text',
      },
      {
        name: 'command',
        in: 'settings',
        label: 'Slash command',
        help: 'As the manifest of your app names it. What follows it is said to the agent.',
        secret: false,
        required: false,
        placeholder: '/nightshift',
        type: 'text',
      },
      {
        name: 'apiUrl',
        in: 'settings',
        label: 'Address of Slack',
        help: 'Only for GovSlack: https://slack-gov.com/api/',
        secret: false,
        required: false,
        placeholder: 'https://slack.com/api/',
        type: 'url',
      },
    ],
    setup: [
      'Open https://api.slack.com/apps, press "Create New App", choose "From a manifest" and your workspace, and paste the manifest of the guide.',
      'Under "Basic Information", make an app-level token with the scope connections:write, and copy it. For HTTP, copy the signing secret instead.',
      'Under "Install App", install it to your workspace, and copy the Bot User OAuth Token.',
      'Put both here. For HTTP, then paste the other manifest of the guide under "App Manifest", with {webhookUrl} as its three addresses.',
      'Test the channel, then write a direct message to the app, or invite it to a channel with /invite and mention it.',
    ],
    docs: 'docs/channels/slack.md',
    defaults: { strangers: 'pair', live: true },
  },
  {
    slug: 'sms',
    name: 'SMS',
    summary: 'Text messages to and from any phone, through a number at Twilio.',
    connects: ['webhook'],
    fields: [
      {
        name: 'accountSid',
        in: 'settings',
        label: 'Account SID',
        help: 'On the first page of the Twilio Console, under Account Info.',
        secret: false,
        required: true,
        placeholder: 'AC…',
        type: 'text',
      },
      {
        name: 'authToken',
        in: 'credentials',
        label: 'Auth token',
        help: 'Beside the account SID. It also proves that messages come from Twilio.',
        secret: true,
        required: true,
        type: 'text',
      },
      {
        name: 'sender',
        in: 'settings',
        label: 'Phone number or Messaging Service',
        help: 'Your number at Twilio, with + and the country code, or the SID of a Messaging Service.',
        secret: false,
        required: true,
        placeholder: '+15551234567 or MG…',
        type: 'text',
      },
      {
        name: 'apiUrl',
        in: 'settings',
        label: 'Address of the API',
        help: 'Only for an account that Twilio keeps in Ireland or Australia.',
        secret: false,
        required: false,
        placeholder: 'https://api.twilio.com',
        type: 'url',
      },
    ],
    setup: [
      'At twilio.com, make an account and buy a phone number with the capability SMS, and MMS for pictures.',
      'Copy the account SID and the auth token from the first page of the Twilio Console, and enter them and the number here.',
      'Test the channel: it tells Twilio to send messages to {webhookUrl}.',
      'Text the number from a phone. For numbers of the USA, register it first: the guide says how.',
    ],
    docs: 'docs/channels/sms.md',
    defaults: { strangers: 'pair', live: false },
  },
  {
    slug: 'telegram',
    name: 'Telegram',
    summary: 'A Telegram bot, in private chats, groups and topics.',
    connects: ['polling', 'webhook'],
    fields: [
      {
        name: 'token',
        in: 'credentials',
        label: 'Bot token',
        help: '@BotFather shows it when the bot is made, and again after /token.',
        secret: true,
        required: true,
        placeholder: '123456789:AAF…',
        type: 'text',
      },
      {
        name: 'receive',
        in: 'settings',
        label: 'How messages come in',
        help: 'Polling works everywhere. A webhook needs a public https address of this server, and is a little faster.',
        secret: false,
        required: false,
        type: 'choice',
        choices: [
          { value: 'polling', label: 'Polling' },
          { value: 'webhook', label: 'Webhook' },
        ],
      },
      {
        name: 'webhookSecret',
        in: 'credentials',
        label: 'Webhook secret',
        help: 'Telegram proves with it that requests are its own. Leave it empty and one is made.',
        secret: true,
        required: false,
        type: 'text',
      },
      {
        name: 'apiUrl',
        in: 'settings',
        label: 'Address of the Bot API',
        help: 'Only for a Bot API server of your own.',
        secret: false,
        required: false,
        placeholder: 'https://api.telegram.org',
        type: 'url',
      },
    ],
    setup: [
      'In Telegram, open a chat with @BotFather, send /newbot, and choose a name and a username for the bot.',
      'Copy the token that @BotFather answers with, and paste it here as the bot token.',
      'Save and test the channel: the bot is shown with its @username.',
      'Open a chat with the bot, press Start, and write to it.',
      'For groups: add the bot to the group, and mention it or answer to it there.',
    ],
    docs: 'docs/channels/telegram.md',
    defaults: { strangers: 'pair', live: true },
  },
  {
    slug: 'teams',
    name: 'Microsoft Teams',
    summary: 'An app in Teams: in personal chats, group chats and the channels of teams.',
    connects: ['webhook'],
    fields: [
      {
        name: 'appId',
        in: 'credentials',
        label: 'Application (client) ID',
        help: 'Azure portal, your Azure Bot, "Configuration": "Microsoft App ID".',
        secret: false,
        required: true,
        placeholder: '00000000-0000-0000-0000-000000000000',
        type: 'text',
      },
      {
        name: 'appPassword',
        in: 'credentials',
        label: 'Client secret',
        help: 'The "Value" of a secret under "Certificates & secrets" of the app. Microsoft shows it once.',
        secret: true,
        required: true,
        type: 'text',
      },
      {
        name: 'tenantId',
        in: 'settings',
        label: 'Directory (tenant) ID',
        help: 'For a bot of one tenant, which is what Azure makes today: "App Tenant ID". Other tenants are not listened to.',
        secret: false,
        required: false,
        placeholder: '00000000-0000-0000-0000-000000000000',
        type: 'text',
      },
      {
        name: 'cloud',
        in: 'settings',
        label: 'Cloud',
        help: 'Where your Microsoft 365 is.',
        secret: false,
        required: false,
        type: 'choice',
        choices: [
          { value: 'public', label: 'Microsoft 365, also GCC' },
          { value: 'usGovernment', label: 'US Government: GCC High, DoD' },
        ],
      },
      {
        name: 'emulatorUrl',
        in: 'settings',
        label: 'Emulator',
        help: 'Leave it empty. Only for a server on the same machine that stands in for Microsoft.',
        secret: false,
        required: false,
        type: 'url',
      },
    ],
    setup: [
      'In the Azure portal, create an "Azure Bot" of type "Single Tenant", with a new Microsoft App ID.',
      'Open its "Configuration", copy the Microsoft App ID and the App Tenant ID, and paste both here.',
      'Press "Manage Password" there, make a new client secret, copy its "Value", and paste it here.',
      'Save, then enter {webhookUrl} as the "Messaging endpoint" of the Azure Bot, and apply.',
      'Under "Channels" of the Azure Bot add "Microsoft Teams".',
      'Make the app package of the guide, and upload it in Teams: "Apps", "Manage your apps", "Upload an app".',
      'Open a chat with the app and write to it, or mention it in a channel.',
    ],
    docs: 'docs/channels/teams.md',
    defaults: { strangers: 'pair', live: true },
  },
  {
    slug: 'web',
    name: 'Web chat',
    summary: 'A chat on your own web pages, for whoever visits them: one script tag.',
    connects: [],
    fields: [
      {
        name: 'origins',
        in: 'settings',
        label: 'Your web pages',
        help: 'Where the chat may be shown: each as https://www.example.com, without a path, several with commas between them.',
        secret: false,
        required: true,
        placeholder: 'https://www.example.com, https://shop.example.com',
        type: 'text',
      },
      {
        name: 'title',
        in: 'settings',
        label: 'Title',
        help: 'What stands above the chat.',
        secret: false,
        required: false,
        placeholder: 'Chat',
        type: 'text',
      },
      {
        name: 'greeting',
        in: 'settings',
        label: 'Greeting',
        help: 'What a visitor reads before anything was said. It costs nothing: no model says it.',
        secret: false,
        required: false,
        placeholder: 'Hello! How can I help you?',
        type: 'text',
      },
      {
        name: 'color',
        in: 'settings',
        label: 'Accent color',
        help: 'Of the button and of what visitors say. Text on it is black or white, whichever is easier to read.',
        secret: false,
        required: false,
        placeholder: '#3b4cca',
        type: 'text',
      },
      {
        name: 'theme',
        in: 'settings',
        label: 'Theme',
        help: "Automatic follows the visitor's system.",
        secret: false,
        required: false,
        type: 'choice',
        choices: [
          { value: 'auto', label: 'Automatic' },
          { value: 'light', label: 'Light' },
          { value: 'dark', label: 'Dark' },
        ],
      },
      {
        name: 'position',
        in: 'settings',
        label: 'Position',
        help: 'The corner at the bottom of the page.',
        secret: false,
        required: false,
        type: 'choice',
        choices: [
          { value: 'right', label: 'Right' },
          { value: 'left', label: 'Left' },
        ],
      },
      {
        name: 'files',
        in: 'settings',
        label: 'Files',
        help: 'Whether visitors may attach images, PDFs and text: up to 5, 4 MB together.',
        secret: false,
        required: false,
        type: 'boolean',
      },
      {
        name: 'secret',
        in: 'credentials',
        label: 'Signing secret',
        help: 'Signs who a visitor is. Leave it empty and one is made, which is shown once.',
        secret: true,
        required: false,
        type: 'text',
      },
    ],
    setup: [
      'Paste this into your web pages, before </body>: {snippet}',
      'Open one of them: the chat is at the bottom. Before that you can try it at {publicUrl}/widget/demo?channel={key}',
      'If your pages have a Content-Security-Policy, allow {publicUrl} in its script-src and connect-src.',
      'Set a budget for the channel: whoever visits your pages can write.',
    ],
    snippet: '<script src="{publicUrl}/widget.js" data-channel="{key}" async></script>',
    docs: 'docs/channels/web.md',
    defaults: { strangers: 'answer', live: true },
  },
  {
    slug: 'webhook',
    name: 'Webhook',
    summary:
      'Signed HTTP requests in and out, for programs and for platforms that have no channel of their own.',
    connects: ['webhook'],
    fields: [
      {
        name: 'url',
        in: 'settings',
        label: 'Address of your program',
        help: 'Answers are sent there as signed POST requests.',
        secret: false,
        required: true,
        placeholder: 'https://program.example.com/nightshift',
        type: 'url',
      },
      {
        name: 'secret',
        in: 'credentials',
        label: 'Signing secret',
        help: 'Signs requests both ways. Leave it empty and one is made, which is shown once.',
        secret: true,
        required: false,
        placeholder: 'whsec_…',
        type: 'text',
      },
    ],
    setup: [
      'Keep the signing secret where your program can read it.',
      'Let your program POST messages to {webhookUrl}, signed with it.',
      'Let your program take signed POST requests at the address that you gave, and check their signature.',
      'Test the channel: your program gets a ping.',
    ],
    docs: 'docs/channels/webhook.md',
    defaults: { strangers: 'answer', live: false },
  },
  {
    slug: 'whatsapp',
    name: 'WhatsApp',
    summary: 'Talk to people on WhatsApp, with a phone number of your business at Meta.',
    connects: ['webhook'],
    fields: [
      {
        name: 'phoneNumberId',
        in: 'settings',
        label: 'Phone number ID',
        help: 'App Dashboard → WhatsApp → API Setup, under your number. It is not the number itself.',
        secret: false,
        required: true,
        placeholder: '106540352242922',
        type: 'text',
      },
      {
        name: 'businessAccountId',
        in: 'settings',
        label: 'WhatsApp Business Account ID',
        help: 'On the same page, beside the phone number ID.',
        secret: false,
        required: true,
        placeholder: '102290129340398',
        type: 'text',
      },
      {
        name: 'accessToken',
        in: 'credentials',
        label: 'Access token',
        help: 'Of a system user, without an end: Meta Business Suite → Settings → System users → Generate token.',
        secret: true,
        required: true,
        placeholder: 'EAAG…',
        type: 'text',
      },
      {
        name: 'appSecret',
        in: 'credentials',
        label: 'App secret',
        help: 'App Dashboard → App settings → Basic. It proves that messages come from Meta.',
        secret: true,
        required: true,
        type: 'text',
      },
      {
        name: 'verifyToken',
        in: 'credentials',
        label: 'Verify token',
        help: 'Only for entering the address in the App Dashboard by hand: a word of 16 characters or more that you make up. Leave it empty and one is made.',
        secret: true,
        required: false,
        type: 'text',
      },
      {
        name: 'apiUrl',
        in: 'settings',
        label: 'Address of the API',
        help: 'With its version. Leave it as it is unless Meta ends that version.',
        secret: false,
        required: false,
        placeholder: 'https://graph.facebook.com/v25.0',
        type: 'url',
      },
    ],
    setup: [
      'At developers.facebook.com, create an app of the type Business and add the product WhatsApp.',
      'Under WhatsApp → API Setup, add your phone number, and copy its phone number ID and the WhatsApp Business Account ID.',
      'In Meta Business Suite → Settings → System users, add one, give it full control of the app and of the WhatsApp account, and generate a token that never expires, with whatsapp_business_messaging and whatsapp_business_management.',
      'Under App settings → Basic, copy the app secret, and enter all of it here.',
      'Test the channel: it tells Meta to send messages to {webhookUrl}.',
      'Switch the app from Development to Live, then write to the number from a phone.',
    ],
    docs: 'docs/channels/whatsapp.md',
    defaults: { strangers: 'pair', live: false },
  },
];
