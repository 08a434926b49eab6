/** What a platform's request may have at most, in bytes. */
const KiB = 1024;
const MiB = 1024 * KiB;

/** More than any platform sends at once, and what the kinds may send whose limit nobody documents. */
const defaultLimit = 3 * MiB;

const limits: Readonly<Record<string, number>> = {
  // A form of a text of 1,600 characters and ten addresses of media.
  // https://www.twilio.com/docs/messaging/guides/webhook-request
  sms: 64 * KiB,
  // One update; a text has 4,096 characters. https://core.telegram.org/bots/api#update
  telegram: MiB,
  // One activity; a message has about 100 KB.
  // https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
  teams: MiB,
  // One event; a text has 40,000 characters, its blocks about as much again. https://docs.slack.dev/apis/events-api/
  slack: MiB,
};

export const bodyLimitOf = (kind: string): number => limits[kind] ?? defaultLimit;
