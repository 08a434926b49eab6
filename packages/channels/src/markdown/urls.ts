/** Where a link may lead. */

/** Longer ones are refused by some platforms, and no person reads them. */
const longest = 2048;

const patterns = { web: /^https?:\/\/[^\s/]/i, any: /^(?:https?:\/\/[^\s/]|mailto:\S|tel:[+\d])/i };

/**
 * The address as it can stand in any dialect, or null where it is none that a link may have. The schemes are few: a
 * platform's own (`tg://user?id=1`, Slack's `!channel`) notify people, `javascript:` runs.
 */
export function safeUrl(url: string, schemes: keyof typeof patterns = 'any'): string | null {
  if (url.length > longest || !patterns[schemes].test(url)) return null;
  return url.replace(/[\s<>|"'`\\^{}()*~]/g, (character) => {
    const escaped = encodeURIComponent(character);
    return escaped === character ? `%${character.charCodeAt(0).toString(16).toUpperCase()}` : escaped;
  });
}

/** Whether a link's label says where it leads, so that a platform that makes links of addresses needs no more. */
export function isBare(label: string, url: string): boolean {
  return [label, `mailto:${label}`, `http://${label}`].includes(url);
}
