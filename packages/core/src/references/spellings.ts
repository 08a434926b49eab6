/** How a name may be stored: in NFC; those that platforms give to people, and those of 0.1.0, as they came. */
export const spellingsOf = (name: string): string[] => [
  ...new Set([name, name.normalize('NFC'), name.normalize('NFD')]),
];
