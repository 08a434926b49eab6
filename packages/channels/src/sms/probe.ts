/** Whether a connection works both ways, and what is in the way. */
import { z } from 'zod';
import type { ChannelProblem, ProbeContext, ProbeResult } from '../channel.ts';
import { isService, type SmsConnection } from './connection.ts';
import { accountUrl, callTwilio, type RestRequest } from './rest.ts';

/** https://www.twilio.com/docs/iam/api/account */
const Account = z.object({
  friendly_name: z.string().nullish(),
  status: z.string().nullish(),
  type: z.string().nullish(),
});

/** https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource */
const Numbers = z.object({
  incoming_phone_numbers: z.array(
    z.object({
      sid: z.string(),
      phone_number: z.string(),
      capabilities: z.object({ sms: z.boolean().default(true) }).default({ sms: true }),
      sms_application_sid: z.string().nullish(),
      sms_url: z.string().nullish(),
      sms_method: z.string().nullish(),
    }),
  ),
});

/** https://www.twilio.com/docs/messaging/api/service-resource */
const Service = z.object({
  friendly_name: z.string().nullish(),
  inbound_request_url: z.string().nullish(),
  inbound_method: z.string().nullish(),
  use_inbound_webhook_on_number: z.boolean().nullish(),
});

export async function probe(connection: SmsConnection, context: ProbeContext): Promise<ProbeResult> {
  const { sender, accountSid } = connection.settings;
  const call = (request: RestRequest) => callTwilio(request, connection, context);
  const account = Account.safeParse(await call({ url: `${accountUrl(connection)}.json` })).data ?? {};
  const problems = problemsOfAccount(account);
  if (isService(sender)) problems.push(...(await checkService()));
  else if (sender.startsWith('+')) problems.push(...(await checkNumber()));
  // The API does not list short codes that are leased through another account.
  return {
    account: { id: accountSid, name: [account.friendly_name, sender].filter(Boolean).join(' · ') },
    problems,
  };

  async function checkNumber(): Promise<ChannelProblem[]> {
    const list = `${accountUrl(connection)}/IncomingPhoneNumbers`;
    const answer = await call({ url: `${list}.json?${new URLSearchParams({ PhoneNumber: sender })}` });
    const found = Numbers.safeParse(answer).data?.incoming_phone_numbers.find(
      ({ phone_number }) => phone_number === sender,
    );
    if (!found)
      return [
        {
          message: `The account has no number ${sender}.`,
          fix: 'Copy the number from Twilio Console → Phone Numbers → Active numbers, with + and the country code.',
        },
      ];
    if (!found.capabilities.sms)
      return [
        {
          message: `The number ${sender} can send no text messages.`,
          fix: 'Buy a number that has the capability SMS, and enter that one.',
        },
      ];
    if (found.sms_application_sid)
      return [
        {
          message: 'A TwiML app takes the messages of this number, so they do not come here.',
          fix: 'Twilio Console → Phone Numbers → the number → Messaging: configure with "Webhook" instead of a TwiML app. Then test the channel again.',
        },
      ];
    return pointHere(found.sms_url, found.sms_method, 'this number', (SmsUrl) =>
      call({ url: `${list}/${found.sid}.json`, form: { SmsUrl, SmsMethod: 'POST' } }),
    );
  }

  async function checkService(): Promise<ChannelProblem[]> {
    const url = `${messagingUrl(connection)}/v1/Services/${sender}`;
    const service = Service.safeParse(await call({ url })).data ?? {};
    if (service.use_inbound_webhook_on_number)
      return [
        {
          message: 'The Messaging Service leaves incoming messages to its numbers.',
          fix: 'Twilio Console → Messaging → Services → the service → Integration: choose "Send a webhook". Then test the channel again.',
        },
      ];
    return pointHere(
      service.inbound_request_url,
      service.inbound_method,
      'this Messaging Service',
      (InboundRequestUrl) => call({ url, form: { InboundRequestUrl, InboundMethod: 'POST' } }),
    );
  }

  async function pointHere(
    current: string | null | undefined,
    method: string | null | undefined,
    what: string,
    store: (hookUrl: string) => Promise<unknown>,
  ): Promise<ChannelProblem[]> {
    const { hookUrl } = context;
    if (current === hookUrl && (method ?? 'POST') === 'POST') return [];
    if (!isFree(current, hookUrl))
      return [
        {
          message: `Twilio sends the messages of ${what} to ${new URL(current!).host}.`,
          fix: `If nothing else needs them, enter ${hookUrl} there instead, with HTTP POST, in the Twilio Console.`,
        },
      ];
    await store(hookUrl);
    return [];
  }
}

/** Nothing is there, or Twilio's own example; or the same path, which holds this channel's key: the server has moved. */
function isFree(current: string | null | undefined, hookUrl: string): boolean {
  if (!current || !URL.canParse(current)) return true;
  const { hostname, pathname } = new URL(current);
  return hostname === 'demo.twilio.com' || pathname === new URL(hookUrl).pathname;
}

/** The API of services is another host of the same region. */
const messagingUrl = ({ settings }: SmsConnection) => settings.apiUrl.replace('://api.', '://messaging.');

function problemsOfAccount({ status, type }: z.infer<typeof Account>): ChannelProblem[] {
  const problems: ChannelProblem[] = [];
  if (status && status !== 'active')
    problems.push({
      message: `The account is ${status}.`,
      fix: 'The Twilio Console says why, and what to do.',
    });
  if (type === 'Trial')
    problems.push({
      message: 'A trial account sends to verified numbers only.',
      fix: 'Upgrade it in the Twilio Console, or verify the numbers under Phone Numbers → Verified Caller IDs.',
    });
  return problems;
}
