/** Slack knows emoji by its own names: https://docs.slack.dev/reference/methods/reactions.add */

const names: Readonly<Record<string, string>> = {
  '👀': 'eyes',
  '✅': 'white_check_mark',
  '✔': 'heavy_check_mark',
  '❌': 'x',
  '⚠': 'warning',
  '⏳': 'hourglass_flowing_sand',
  '⌛': 'hourglass',
  '🤔': 'thinking_face',
  '👍': '+1',
  '👎': '-1',
  '👌': 'ok_hand',
  '🙏': 'pray',
  '👏': 'clap',
  '🙌': 'raised_hands',
  '🎉': 'tada',
  '🚀': 'rocket',
  '🔥': 'fire',
  '💯': '100',
  '❤': 'heart',
  '😀': 'grinning',
  '😄': 'smile',
  '😂': 'joy',
  '😢': 'cry',
  '😕': 'confused',
  '🛑': 'octagonal_sign',
  '🔍': 'mag',
  '📝': 'memo',
  '📎': 'paperclip',
  '🤖': 'robot_face',
};

/** The name of an emoji, given as a character or as `:name:`. Undefined: it has none that we know. */
export function emojiName(emoji: string): string | undefined {
  const named = /^:?([a-z0-9_+'-]{1,100}):?$/.exec(emoji);
  return named?.[1] ?? names[emoji.replaceAll('\u{FE0F}', '')];
}
