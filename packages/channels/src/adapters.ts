/** The adapters, each loaded when its first channel is used: a platform's library costs memory and time to start. */
import { channelCatalog } from './catalog.ts';
import type { ChannelAdapter } from './channel.ts';

export interface AdapterSource {
  readonly kinds: readonly string[];
  /** Those of them whose messages go out over the connector's connection. */
  readonly kindsOverConnection: readonly string[];
  /** Undefined: there is no such kind, at least not in this version. */
  load(kind: string): Promise<ChannelAdapter | undefined>;
}

/** One line an adapter. The catalogue has the same kinds. */
const loaders: Readonly<Record<string, () => Promise<unknown>>> = {
  discord: async () => (await import('./discord/index.ts')).discord,
  email: async () => (await import('./email/index.ts')).email,
  irc: async () => (await import('./irc/index.ts')).irc,
  slack: async () => (await import('./slack/index.ts')).slack,
  sms: async () => (await import('./sms/index.ts')).sms,
  telegram: async () => (await import('./telegram/index.ts')).telegram,
  teams: async () => (await import('./teams/index.ts')).teams,
  web: async () => (await import('./web/index.ts')).web,
  webhook: async () => (await import('./webhook/index.ts')).webhook,
  whatsapp: async () => (await import('./whatsapp/index.ts')).whatsapp,
  xmpp: async () => (await import('./xmpp/index.ts')).xmpp,
};

/** The adapters that the product has. */
export const builtInAdapters: AdapterSource = {
  kinds: Object.keys(loaders),
  kindsOverConnection: channelCatalog
    .filter(({ sendsOverConnection }) => sendsOverConnection)
    .map(({ slug }) => slug),
  // Node keeps what it has imported. Whoever stored a channel let the adapter's own schemas read its credentials, so
  // their type may be forgotten here.
  load: async (kind) =>
    Object.hasOwn(loaders, kind) ? ((await loaders[kind]!()) as ChannelAdapter) : undefined,
};

/** Adapters that are there already. */
export function adapterSource(adapters: readonly ChannelAdapter[]): AdapterSource {
  return {
    kinds: adapters.map(({ kind }) => kind),
    kindsOverConnection: adapters
      .filter(({ capabilities }) => capabilities.sendsOverConnection)
      .map(({ kind }) => kind),
    load: async (wanted) => adapters.find(({ kind }) => kind === wanted),
  };
}
