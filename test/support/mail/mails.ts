/** Mails as programs write them, by hand after real ones. */
import { account } from './account.ts';

/** The name of the server that receives them. */
export const authServer = 'mx.nightshift.example';

export interface Written {
  from?: string;
  to?: string;
  subject?: string;
  id?: string;
  /** Header lines more. */
  headers?: readonly string[];
  type?: string;
  body?: string;
  /** What the server writes about the sender, after its name; null: nothing. */
  verdict?: string | null;
}

export const domainOf = (from: string) => /@([^>\s]+)>?\s*$/.exec(from)?.[1] ?? '';

export const passed = (from: string) =>
  `dkim=pass header.d=${domainOf(from)}; spf=pass smtp.mailfrom=${domainOf(from)}; dmarc=pass (p=none) header.from=${domainOf(from)}`;

/** A mail as it lies in the mailbox. */
export function mail({
  from = 'Ann Lee <ann@example.com>',
  to = account.user,
  subject = 'A question',
  id = '<question-1@example.com>',
  headers = [],
  type = 'text/plain; charset=utf-8',
  body = 'Where is my order?',
  verdict = passed(from),
}: Written = {}): Buffer {
  const lines = [
    'Return-Path: <bounces@example.com>',
    ...(verdict === null ? [] : [`Authentication-Results: ${authServer};\n ${verdict}`]),
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    ...(id ? [`Message-ID: ${id}`] : []),
    'Date: Tue, 3 Mar 2026 10:00:00 +0100',
    ...headers,
    'MIME-Version: 1.0',
    `Content-Type: ${type}`,
    'Content-Transfer-Encoding: 8bit',
    '',
    body,
  ];
  return Buffer.from(`${lines.join('\n')}\n`.replace(/\r?\n/g, '\r\n'));
}

export interface File {
  name: string;
  type: string;
  content: string | Uint8Array;
  /** Of a picture that is shown in the text. */
  cid?: string;
}

/** As `mail`, with files. */
export function mailWithFiles(
  files: readonly File[],
  { body = 'See the files.', ...more }: Written = {},
): Buffer {
  const parts = files.map(({ name, type, content, cid }) =>
    [
      '--outer',
      `Content-Type: ${type}; name="${name}"`,
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: ${cid ? 'inline' : 'attachment'}; filename="${name}"`,
      ...(cid ? [`Content-ID: <${cid}>`] : []),
      '',
      Buffer.from(content).toString('base64').replace(/.{76}/g, '$&\n'),
    ].join('\n'),
  );
  const text = `--outer\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n${body}\n`;
  return mail({
    ...more,
    type: 'multipart/mixed; boundary=outer',
    body: `${text}${parts.join('\n')}\n--outer--`,
  });
}

const inner = (type: string, body: string) =>
  `--alt\nContent-Type: ${type}; charset="UTF-8"\nContent-Transfer-Encoding: 8bit\n\n${body}\n`;

/** As `mail`, with plain text and HTML. */
export const alternatives = (text: string, html: string, more: Written = {}): Buffer =>
  mail({
    ...more,
    type: 'multipart/alternative; boundary=alt',
    body: `${inner('text/plain', text)}${inner('text/html', html)}--alt--`,
  });

export const gmailQuote = `Thank you!

On Tue, Mar 3, 2026 at 10:05 AM Nightshift <${account.user}>
wrote:

> Your order is on its way.
>
> - packed
`;

export const gmailHtml = `<div dir="ltr">Thank you!</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">On Tue, Mar 3, 2026 at 10:05 AM Nightshift &lt;<a href="mailto:${account.user}">${account.user}</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex"><p>Your order is on its way.</p></blockquote></div>`;

export const outlookQuote = `Vielen Dank!

Mit freundlichen Grüßen
Ann Lee

________________________________
Von: Nightshift <${account.user}>
Gesendet: Dienstag, 3. März 2026 10:05
An: Ann Lee <ann@example.com>
Betreff: Re: A question

Your order is on its way.
`;

export const appleHtml = `<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"><style>p { color: red }</style></head><body dir="auto">Danke! Und <b>wann</b> genau?<ul><li>heute</li><li>morgen</li></ul><div dir="ltr">Von meinem iPhone gesendet</div><div dir="ltr"><br><blockquote type="cite">Am 03.03.2026 um 10:05 schrieb Nightshift &lt;${account.user}&gt;:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr"><p>Your order is on its way.</p></div></blockquote></body></html>`;

/** https://www.rfc-editor.org/rfc/rfc3464 */
export const bounce = mail({
  from: 'Mail Delivery System <MAILER-DAEMON@mx.example.com>',
  subject: 'Undelivered Mail Returned to Sender',
  headers: ['Auto-Submitted: auto-replied'],
  type: 'multipart/report; report-type=delivery-status; boundary=alt',
  body: `${inner('text/plain', 'I could not deliver it.')}--alt\nContent-Type: message/delivery-status\n\nAction: failed\nStatus: 5.1.1\n--alt--`,
});

/** Multiparts in each other. */
export function nested(depth: number): Buffer {
  let body = 'deep';
  let type = 'text/plain';
  for (let level = 0; level < depth; level += 1) {
    body = `--b${level}\nContent-Type: ${type}\n\n${body}\n--b${level}--`;
    type = `multipart/mixed; boundary=b${level}`;
  }
  return mail({ type, body });
}
