/**
 * What a message can bring that no adapter reads: `MessageEvent.unsupported`. The list is closed, so that counting by
 * these words stays bounded whatever a platform sends. Each fits into "I can't read …s yet" and into a label of a metric.
 */
export const unsupportedKinds = [
  'audio',
  'call',
  'card',
  'checklist',
  'contact',
  'dice',
  'encrypted mail',
  'encrypted message',
  'event',
  'file',
  'form',
  'game',
  'gift',
  'giveaway',
  'invoice',
  'location',
  'media',
  'order',
  'paid media',
  'poll',
  'product',
  'sticker',
  'story',
  'video',
  'view-once message',
  'message of an unknown kind',
] as const;

export type UnsupportedKind = (typeof unsupportedKinds)[number];

/** What a platform calls something that is new to the adapter. */
export const unknownKind = 'message of an unknown kind' satisfies UnsupportedKind;

/** As a field of an event: each kind once, and absent where all could be read. */
export const unsupportedField = (kinds: Iterable<UnsupportedKind>): { unsupported?: UnsupportedKind[] } => {
  const each = [...new Set(kinds)];
  return each.length > 0 ? { unsupported: each } : {};
};
