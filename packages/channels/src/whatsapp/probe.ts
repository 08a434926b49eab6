/** Whether a connection works both ways, and what is in the way. */
import { z } from 'zod';
import { ChannelError, type ChannelProblem, type ProbeContext, type ProbeResult } from '../channel.ts';
import type { WhatsappConnection } from './connection.ts';
import { callGraph, type GraphRequest } from './graph.ts';

/** https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/phone-numbers */
const PhoneNumber = z.object({
  display_phone_number: z.string().optional(),
  verified_name: z.string().optional(),
  quality_rating: z.string().optional(),
  status: z.string().optional(),
  webhook_configuration: z
    .object({
      phone_number: z.url().optional().catch(undefined),
      whatsapp_business_account: z.string().optional(),
      application: z.string().optional(),
    })
    .default({}),
});

/** https://developers.facebook.com/docs/graph-api/reference/debug_token */
const Token = z.object({
  data: z.object({
    app_id: z.coerce.string(),
    /** Seconds of the epoch; 0: never. */
    expires_at: z.number().default(0),
    scopes: z.array(z.string()).default([]),
  }),
});

/** https://developers.facebook.com/docs/graph-api/reference/app/subscriptions */
const Subscriptions = z.object({
  data: z.array(
    z.object({
      object: z.string(),
      active: z.boolean().default(true),
      fields: z.array(z.object({ name: z.string() })).default([]),
    }),
  ),
});

const SubscribedApps = z.object({
  data: z.array(z.object({ whatsapp_business_api_data: z.object({ id: z.coerce.string() }) })),
});

const scopes = ['whatsapp_business_messaging', 'whatsapp_business_management'];

export async function probe(connection: WhatsappConnection, context: ProbeContext): Promise<ProbeResult> {
  const { credentials, settings } = connection;
  const { phoneNumberId, businessAccountId } = settings;
  const { hookUrl } = context;
  const problems: ChannelProblem[] = [];
  const call = (request: GraphRequest) => callGraph(request, connection, context);
  /** A refusal is a problem to tell of; the next question is asked all the same. */
  const attempt = async <T>(work: () => Promise<T>, message: string, fix: string) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ChannelError) || error.kind === 'retry' || error.kind === 'ambiguous')
        throw error;
      problems.push({ message: `${message} ${error.message}`, fix });
      return undefined;
    }
  };
  const hook = { verify_token: credentials.verifyToken };
  const storeHook = (request: GraphRequest) =>
    attempt(
      () => call(request),
      'Meta does not send messages here, and would not store the address.',
      `In the App Dashboard, under WhatsApp → Configuration, enter the callback URL ${hookUrl} and the verify token of this channel. It has to be reachable from the internet by https.`,
    );

  const fields = 'display_phone_number,verified_name,quality_rating,status,webhook_configuration';
  const read = PhoneNumber.safeParse(await call({ path: `${phoneNumberId}?fields=${fields}` }));
  const number = read.data ?? { webhook_configuration: {} };
  problems.push(...problemsOfNumber(number));
  const inspected = await attempt(
    () => call({ path: `debug_token?input_token=${encodeURIComponent(credentials.accessToken)}` }),
    'The access token works, though Meta does not say for how long and what for.',
    'Make one of a system user of the business that owns the app.',
  );
  const token = Token.safeParse(inspected).data?.data;
  if (token) {
    problems.push(...problemsOfToken(token, Date.now()));
    await subscribeApp(token.app_id);
    await subscribeAccount(token.app_id);
  }
  await pointHere();
  const name = [number.verified_name, number.display_phone_number].filter(Boolean).join(' · ');
  return { account: { id: phoneNumberId, name: name || phoneNumberId }, problems };

  /** The app has to ask for messages. Only it may be asked whether it does, by the token that is made of its secret. */
  async function subscribeApp(appId: string) {
    const own = { path: `${appId}/subscriptions`, token: `${appId}|${credentials.appSecret}` };
    const answer = await attempt(
      () => call(own),
      "The app secret is not the app's, so whatever people write would be refused.",
      'Copy it anew: App Dashboard → App settings → Basic → App secret → Show.',
    );
    if (answer === undefined) return;
    const object = 'whatsapp_business_account';
    const found = Subscriptions.safeParse(answer).data?.data.find(
      (subscription) => subscription.object === object,
    );
    if (!found)
      await storeHook({ ...own, json: { object, fields: 'messages', callback_url: hookUrl, ...hook } });
    else if (!found.active || !found.fields.some(({ name }) => name === 'messages'))
      problems.push({
        message: 'The app does not ask Meta for messages.',
        fix: 'App Dashboard → WhatsApp → Configuration → Webhook fields: switch "messages" on.',
      });
  }

  async function subscribeAccount(appId: string) {
    const path = `${businessAccountId}/subscribed_apps`;
    await attempt(
      async () => {
        const apps = SubscribedApps.safeParse(await call({ path })).data?.data ?? [];
        if (!apps.some((app) => app.whatsapp_business_api_data.id === appId)) await call({ path, json: {} });
      },
      'The app hears nothing of the business account, and could not be made to.',
      'Check the WhatsApp Business Account ID, and give the system user full control of that account.',
    );
  }

  /**
   * A number may have an address of its own, which comes before those of its account and its app:
   * https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/override
   */
  async function pointHere() {
    const { phone_number: own, whatsapp_business_account, application } = number.webhook_configuration;
    if ((own ?? whatsapp_business_account ?? application) === hookUrl) return;
    // The same path holds this channel's key: the server has moved. Another one is somebody else's.
    if (own !== undefined && new URL(own).pathname !== new URL(hookUrl).pathname)
      problems.push({
        message: `Meta sends the messages of this number to ${new URL(own).host}.`,
        fix: 'Another program has put its address on this number. Remove it there, then test the channel again.',
      });
    else
      await storeHook({
        path: phoneNumberId,
        json: { webhook_configuration: { override_callback_uri: hookUrl, ...hook } },
      });
  }
}

function problemsOfNumber({ status, quality_rating }: z.infer<typeof PhoneNumber>): ChannelProblem[] {
  const problems: ChannelProblem[] = [];
  if (status !== undefined && status !== 'CONNECTED')
    problems.push({
      message: `The phone number is not connected: Meta says ${status}.`,
      fix: 'See WhatsApp Manager → Phone numbers: it may have to be registered, verified or freed of a restriction.',
    });
  if (quality_rating === 'RED')
    problems.push({
      message: 'People block or report this number so often that Meta rates its quality as low.',
      fix: 'See WhatsApp Manager → Insights. Write to those only who asked for it.',
    });
  return problems;
}

function problemsOfToken(token: z.infer<typeof Token>['data'], now: number): ChannelProblem[] {
  const problems: ChannelProblem[] = [];
  if (token.expires_at > 0) {
    const at = new Date(token.expires_at * 1000);
    problems.push({
      message: `The access token ${at.getTime() > now ? 'expires' : 'expired'} on ${at.toISOString().slice(0, 10)}.`,
      fix: 'Make one that never expires: Meta Business Suite → Settings → System users → Generate token → Expiration: never. Then store it here.',
    });
  }
  const missing = scopes.filter((scope) => !token.scopes.includes(scope));
  if (missing.length > 0)
    problems.push({
      message: `The access token lacks ${missing.join(' and ')}.`,
      fix: 'Generate a token of the system user again, and tick these permissions.',
    });
  return problems;
}
