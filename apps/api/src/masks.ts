/**
 * What a read shows to callers below the role that manages a thing. An address may itself be a secret: of a chat
 * platform's incoming webhook, of a server behind a token in its path, of a channel that takes what is sent to it.
 */
import type { CatalogChannel } from '@nightshift/channels';
import { type Channel, type Credential, type Role, roleIncludes, type Webhook } from '@nightshift/contracts';

/** Who may change channels, webhooks and provider credentials, and so is shown all but their secrets. */
const manager: Role = 'admin';

/** The origin alone, with `…` for whatever followed. What is no URL with an origin stays as it is. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.origin === 'null') return text;
  const isPlain = url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password;
  return isPlain ? text : `${url.origin}/…`;
}

export function webhookFor(role: Role, webhook: Webhook): Webhook {
  return roleIncludes(role, manager) ? webhook : { ...webhook, url: maskUrl(webhook.url) };
}

export function credentialFor(role: Role, credential: Credential): Credential {
  if (roleIncludes(role, manager)) return credential;
  return { ...credential, baseUrl: credential.baseUrl && maskUrl(credential.baseUrl) };
}

export function channelFor(role: Role, channel: Channel, entry: CatalogChannel | undefined): Channel {
  if (roleIncludes(role, manager)) return channel;
  const holdsPasswords = (setting: string) =>
    entry?.fields.some(({ name, holdsPasswords }) => name === setting && holdsPasswords);
  return {
    ...channel,
    settings: Object.fromEntries(
      Object.entries(channel.settings).map(([name, value]) => {
        if (holdsPasswords(name)) return [name, value ? '…' : value];
        return [name, typeof value === 'string' ? maskUrl(value) : value];
      }),
    ),
    webhookUrl: channel.webhookUrl && maskUrl(channel.webhookUrl),
    // It holds the key that lets pages write to the channel.
    snippet: null,
  };
}
