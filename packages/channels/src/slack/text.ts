/** Slack's notation for references: https://docs.slack.dev/messaging/formatting-message-text */

const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/**
 * What a person reads where Slack writes `<@U1>`, `<https://…|label>`, `<!here>`, `&lt;`.
 *
 * @param nameOf of a person, where it is known
 */
export function toText(mrkdwn: string, nameOf: (user: string) => string | null = () => null): string {
  return mrkdwn
    .replace(/<([^<>\n]+)>/g, (_all, reference: string) => toWords(reference, nameOf))
    .replace(/&(?:lt|gt|amp);/g, (entity) => entities[entity]!);
}

function toWords(reference: string, nameOf: (user: string) => string | null): string {
  const [target = '', label] = split(reference);
  switch (target[0]) {
    case '@':
      return `@${label ?? nameOf(target.slice(1)) ?? target.slice(1)}`;
    case '#':
      return `#${label ?? target.slice(1)}`;
    case '!':
      // <!here>, <!subteam^S1|@devs>, <!date^…|on Monday>
      return label ?? `@${target.slice(1).replace(/^subteam\^/, '')}`;
    default:
      if (!label || label === target) return target;
      return /^(mailto|tel):/.test(target) || target.endsWith(`//${label}`) ? label : `[${label}](${target})`;
  }
}

function split(reference: string): [string, string | undefined] {
  const bar = reference.indexOf('|');
  return bar < 0 ? [reference, undefined] : [reference.slice(0, bar), reference.slice(bar + 1) || undefined];
}

/** Whether a text mentions one of `users`. People cannot write that by hand: their `<` arrives as `&lt;`. */
export function mentions(mrkdwn: string, users: ReadonlySet<string>): boolean {
  return [...mrkdwn.matchAll(/<@(\w+)(?:\|[^<>]*)?>/g)].some(([, user]) => users.has(user!));
}

/** Whether a text mentions anybody but `users`, or a group of people. */
export function mentionsOthers(mrkdwn: string, users: ReadonlySet<string>): boolean {
  if (/<!subteam\^/.test(mrkdwn)) return true;
  return mrkdwn.matchAll(/<@(\w+)(?:\|[^<>]*)?>/g).some(([, user]) => !users.has(user!));
}

/** Without the mention of one of `users` that it begins with, so that `@nightshift /new` is `/new`. */
export function withoutSalutation(mrkdwn: string, users: ReadonlySet<string>): string {
  const [mention, user] = /^\s*<@(\w+)(?:\|[^<>]*)?>[,:]?\s*/.exec(mrkdwn) ?? [];
  return mention && users.has(user!) ? mrkdwn.slice(mention.length) : mrkdwn;
}

/**
 * Nobody is called by it: a mention or a broadcast in it is only read. What the renderer made has none; this is for
 * whatever reaches Slack another way.
 */
export function withoutPings(mrkdwn: string): string {
  return mrkdwn.replace(/<(?=[@!])/g, '&lt;');
}
