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
  /** How messages come in. Several: a setting chooses. */
  readonly connects: readonly ('webhook' | 'socket' | 'polling')[];
  readonly fields: readonly CatalogField[];
  /** What a person does, in order, who has never seen the platform's console. `{webhookUrl}` stands for the channel's own. */
  readonly setup: readonly string[];
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
];
