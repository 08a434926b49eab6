/**
 * How the values of a channel's fields look, so that a form can say at once what is wrong with one. Beside the catalogue,
 * and like it without imports; a test holds it to the adapters' own schemas, which decide.
 */

export interface FieldFormat {
  /** Regular expression of the whole value, for the flags `iu`. */
  readonly pattern?: string;
  /** What the value has to be, for people: said where it does not fit the pattern. */
  readonly expects?: string;
  /** Of a number, both included. */
  readonly min?: number;
  readonly max?: number;
}

/** Kind → field → format. A field that is not here takes any value of its type. */
export const fieldFormats: Readonly<Record<string, Readonly<Record<string, FieldFormat>>>> = {
  discord: {
    botToken: {
      pattern: String.raw`^[\w-]{16,}\.[\w-]{5,}\.[\w-]{20,}$`,
      expects: 'It is the token of the page "Bot": three parts with dots between them.',
    },
  },
  email: {
    address: {
      pattern: String.raw`^(?:[A-Za-z0-9_'+\-]+\.)*[A-Za-z0-9_'+\-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$`,
      expects: 'must be an address, such as agent@example.com',
    },
    aliases: {
      pattern: String.raw`^[^\s,;@]+@[^\s,;@]+(\s*[,;]\s*[^\s,;@]+@[^\s,;@]+)*$`,
      expects: 'must be addresses with commas between them',
    },
    imapHost: {
      pattern: '^[a-z0-9.:-]{1,253}$',
      expects: 'must be a host name, such as imap.example.com',
    },
    imapPort: { min: 1, max: 65535 },
    smtpHost: {
      pattern: '^[a-z0-9.:-]{1,253}$',
      expects: 'must be a host name, such as imap.example.com',
    },
    smtpPort: { min: 1, max: 65535 },
    authServer: {
      pattern: '^[a-z0-9.*_:-]{1,253}$',
      expects: 'must be a name, such as mx.example.com',
    },
  },
  irc: {
    host: {
      pattern: String.raw`^[\w.:-]+$`,
      expects: 'It is the name of a server, such as irc.libera.chat.',
    },
    port: { min: 1, max: 65535 },
    nick: { pattern: String.raw`^[^\s\0,:][^\s\0,]*$`, expects: 'It is one word, without commas.' },
    account: { pattern: String.raw`^[^\s\0,:][^\s\0,]*$`, expects: 'It is one word, without commas.' },
    password: { pattern: String.raw`^[^\r\n\0]*$`, expects: 'It is one line.' },
    serverPassword: { pattern: String.raw`^[^\r\n\0]*$`, expects: 'It is one line.' },
  },
  slack: {
    botToken: {
      pattern: String.raw`^xoxb-[\w-]+$`,
      expects: 'It is the "Bot User OAuth Token", which begins with xoxb-.',
    },
    appToken: {
      pattern: String.raw`^xapp-[\w-]+$`,
      expects: 'It is an app-level token, which begins with xapp-.',
    },
    signingSecret: {
      pattern: String.raw`^\w{16,}$`,
      expects: 'It is the "Signing Secret" of Basic Information.',
    },
    command: {
      pattern: String.raw`^\/[^\s/]{1,31}$`,
      expects: 'A command begins with a slash and has no spaces: /nightshift',
    },
  },
  sms: {
    accountSid: {
      pattern: '^AC[0-9a-f]{32}$',
      expects: 'It begins with AC and has 34 characters.',
    },
    authToken: { pattern: String.raw`^[\x21-\x7e]{16,200}$`, expects: 'It is one word of 32 characters.' },
    sender: {
      pattern: String.raw`^(\+[1-9]\d{6,14}|\d{3,8}|MG[0-9a-f]{32})$`,
      expects: 'A number as in +15551234567, a short code, or a Messaging Service SID that begins with MG.',
    },
    maxParts: { min: 1, max: 20 },
  },
  teams: {
    appId: {
      pattern: '^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$',
      expects: 'It is the "Application (client) ID": 8-4-4-4-12 letters and digits.',
    },
    appPassword: {
      pattern: String.raw`^[\x21-\x7e]{16,200}$`,
      expects: 'It is the "Value" of a client secret, not its "Secret ID".',
    },
    tenantId: {
      pattern: '^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$',
      expects: 'It is the "Directory (tenant) ID": 8-4-4-4-12 letters and digits.',
    },
  },
  telegram: {
    token: {
      pattern: String.raw`^\d{1,20}:[A-Za-z0-9_-]{20,100}$`,
      expects: 'must be as BotFather shows it: 123456:ABC…',
    },
    webhookSecret: {
      pattern: '^[A-Za-z0-9_-]{32,256}$',
      expects: 'must be 32 to 256 of A-Z, a-z, 0-9, _ and -',
    },
  },
  web: {
    color: { pattern: '^#[0-9a-f]{6}$', expects: 'must be a color such as #3b4cca' },
    secret: { pattern: '^.{32,200}$', expects: 'must have at least 32 characters' },
  },
  whatsapp: {
    phoneNumberId: { pattern: String.raw`^\d{5,32}$`, expects: 'It is a number, without spaces.' },
    businessAccountId: { pattern: String.raw`^\d{5,32}$`, expects: 'It is a number, without spaces.' },
    accessToken: {
      pattern: String.raw`^[\x21-\x7e]{20,1000}$`,
      expects: 'It is one long word, without spaces.',
    },
    appSecret: { pattern: '^[0-9a-f]{32}$', expects: 'It is 32 digits and letters from a to f.' },
    verifyToken: {
      pattern: String.raw`^[\x21-\x7e]{16,200}$`,
      expects: 'It is one word of 16 characters or more.',
    },
  },
  xmpp: {
    address: {
      pattern: String.raw`^[^\s@/"&'<>:]+@[^\s@/]+$`,
      expects: 'It is an address such as nightbot@example.org.',
    },
    nick: { pattern: String.raw`^[^\p{Cc}/@]+$`, expects: 'It is a name without slashes.' },
    host: { pattern: String.raw`^[\w.:-]+$`, expects: 'It is the name of a server.' },
    port: { min: 1, max: 65535 },
  },
};
