/**
 * How many text messages a phone network makes of a text, which is what each message is paid by.
 * https://www.twilio.com/docs/glossary/what-sms-character-limit
 */

/** GSM 03.38 without its extension; each takes one place. */
const basic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
/** These take two. */
const extension = new Set('\f^{}\\[~]|€');

/** What Twilio puts simpler characters for, some of them more than one: https://www.twilio.com/docs/glossary/what-smart-encoding */
const smart: Readonly<Record<string, string>> = {
  ...{ '«': '"', '»': '"', '“': '"', '”': '"', '„': '"', '‘': "'", '’': "'", '‚': "'", '‛': "'" },
  ...{
    '‐': '-',
    '‑': '-',
    '–': '-',
    '—': '-',
    '−': '-',
    '…': '...',
    '•': '*',
    '\u00a0': ' ',
    '\u2002': ' ',
    '\u2003': ' ',
  },
};

const places = (char: string): number => {
  const simple = smart[char] ?? char;
  if (simple === '...') return 3;
  return basic.has(simple) ? 1 : extension.has(simple) ? 2 : Number.NaN;
};

/** Into how many segments units go that are not divided between two of them. */
function pack(units: Iterable<number>, whole: number, part: number): number {
  let total = 0;
  let segments = 1;
  let used = 0;
  for (const unit of units) {
    total += unit;
    if (used + unit > part) {
      segments += 1;
      used = 0;
    }
    used += unit;
  }
  return total <= whole ? 1 : segments;
}

/** 0 for an empty text. One character that GSM does not know makes all of it UCS-2, and more than twice as many. */
export function smsSegments(text: string): number {
  if (text === '') return 0;
  const septets = Array.from(text, places);
  if (septets.every((each) => !Number.isNaN(each))) return pack(septets, 160, 153);
  return pack(
    Array.from(text, (char) => char.length),
    70,
    67,
  );
}
