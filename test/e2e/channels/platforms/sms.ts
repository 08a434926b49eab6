import { randomBytes } from 'node:crypto';
import {
  accountSid,
  authToken,
  ourNumber,
  received,
  signed,
  startFakeTwilio,
} from '../../../support/twilio/index.ts';
import type { Place, Platform, Shown } from './platform.ts';

const newSid = () => `SM${randomBytes(16).toString('hex')}`;
const refused = { status: 401, body: JSON.stringify({ code: 20003, message: 'Authenticate', status: 401 }) };

export const sms: Platform = {
  name: 'SMS',
  async start({ push }): Promise<Place> {
    // Twilio's own example is what a new number has.
    const fake = await startFakeTwilio('https://demo.twilio.com/welcome/sms/reply/');

    async function deliver(body: string): Promise<void> {
      const response = await push(signed(Buffer.from(body), fake.account.number.sms_url ?? undefined));
      const answer = await response.text();
      if (answer !== '<Response></Response>')
        throw new Error(`Twilio was answered ${response.status} ${answer}`);
    }

    return {
      channel: {
        kind: 'sms',
        credentials: { authToken },
        settings: { accountSid, sender: ourNumber, apiUrl: fake.url },
      },
      wrongCredentials: { authToken: '0'.repeat(32) },
      account: `Lucky Shrub · ${ourNumber}`,
      formatted: {
        text: 'Hello Ann, at last: @everyone <!channel> <@U0BOB>\n\n- one\n- two with a * b\n\nSee the guide (https://example.com/guide).\n\nok();',
      },
      hasGroups: false,
      async say(Body, { file } = {}) {
        const sid = newSid();
        const media = `Messages/${sid}/Media/ME1`;
        if (file) fake.media.set(media, { type: 'image/png', data: file });
        const picture = {
          NumMedia: '1',
          MediaUrl0: `${fake.url}/2010-04-01/Accounts/${accountSid}/${media}`,
          MediaContentType0: 'image/png',
        };
        const body = received({
          Body,
          MessageSid: sid,
          SmsSid: sid,
          SmsMessageSid: sid,
          ...(file && picture),
        });
        await deliver(body);
        return { again: () => deliver(body) };
      },
      // Twilio answers these itself.
      stir: () => deliver(received({ Body: 'START', MessageSid: newSid() })),
      shown: () => fake.sent.map(({ text }): Shown => ({ text, room: 'direct' })),
      counts: () => ({ edits: 0, typing: 0 }),
      revoke: () => fake.react(() => refused),
      renew() {
        fake.react(() => undefined);
        return { authToken };
      },
      close: () => fake.close(),
    };
  },
};
