/** Requests as Slack signs them. */
import type { RawRequest } from '@nightshift/channels';
import { signature } from '@nightshift/channels/slack';
import { tokens } from './fake-slack.ts';

/** `at`: milliseconds of the epoch. Events are JSON, commands and buttons are forms. */
export function signRequest(body: Uint8Array, at: number, secret = tokens.secret): RawRequest {
  const timestamp = String(Math.floor(at / 1000));
  const isForm = /^(payload|command|token|ssl_check)=/.test(Buffer.from(body.subarray(0, 20)).toString());
  return {
    method: 'POST',
    url: 'https://nightshift.example/v1/hooks/key',
    headers: {
      'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': signature(secret, timestamp, body),
    },
    body,
  };
}
