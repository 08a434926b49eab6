/** How a mail may be built. What is beyond is not read. */
export const mailLimits = {
  /** Of the headers of all parts together, in bytes. */
  headerBytes: 256 * 1024,
  /** Multiparts in each other, and mails in each other that are shown as text. */
  nesting: 30,
  nestedMails: 2,
  /** A file of 20 MiB in base64 has 370,000. */
  lines: 600_000,
  /** Lines that may begin a part. */
  delimiters: 10_000,
} as const;

/** More files than people send. */
export const maxFiles = 200;

/** More than a model is given, in UTF-16 units. */
export const maxTextLength = 400_000;

/**
 * Of HTML: its length in UTF-16 units, and how many tags. The parser looks through all open elements at each tag, so what
 * it takes grows with their square.
 */
export const htmlLimits = { length: 1_000_000, tags: 30_000, depth: 100, children: 20_000 } as const;
