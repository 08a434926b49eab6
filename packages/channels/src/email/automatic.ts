/** Mails that no person has written for us: they are not answered, or two programs would talk for ever. */
import { isOwn, type Settings } from './connection.ts';
import type { Mail } from './mail.ts';

const robots =
  /^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|owner-.*|.*-(owner|request|bounces?|noreply|no-reply))$/;

/**
 * Why a mail is not one to answer; null: it is. After https://www.rfc-editor.org/rfc/rfc3834#section-2, and Microsoft's
 * header of the same meaning: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmail/ced68690-498a-4567-9d14-5c01f974d8b1.
 */
export function automaticReason(mail: Mail, settings: Settings): string | null {
  const first = (name: string) => (mail.all(name)[0] ?? '').trim().toLowerCase();
  const { from } = mail;
  if (!from) return 'no_sender';
  if (isOwn(from.address, settings)) return 'own';
  if (first('return-path') === '<>' || first('content-type').startsWith('multipart/report')) return 'bounce';
  const submitted = first('auto-submitted').split(/[;\s(]/, 1)[0]!;
  if (submitted !== '' && submitted !== 'no') return 'auto_reply';
  if (first('x-autoreply') || first('x-autorespond') || first('precedence') === 'auto_reply')
    return 'auto_reply';
  // Other values are on many mails of people, where their Exchange puts them.
  if (first('x-auto-response-suppress') === 'all') return 'auto_reply';
  if (['list-id', 'list-post', 'list-unsubscribe'].some((name) => mail.all(name).length > 0)) return 'bulk';
  if (['bulk', 'list', 'junk'].includes(first('precedence'))) return 'bulk';
  if (robots.test(from.address.slice(0, from.address.indexOf('@')))) return 'robot';
  return null;
}
