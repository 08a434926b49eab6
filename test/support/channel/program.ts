/** A program at the other end of a webhook channel: it signs what it sends, and keeps what it is sent as a chat shows it. */
import { randomBytes } from 'node:crypto';
import { signedHeaders } from '@nightshift/channels/webhook';
import { type Receiver, startReceiver } from './receiver.ts';

export interface Shown {
  id: string;
  thread: string;
  /** As it stands now. */
  text: string;
  /** As it stood, each time. */
  history: string[];
}

export interface Program {
  readonly receiver: Receiver;
  /** What a channel to it is made of. */
  readonly channel: { kind: 'webhook'; credentials: { secret: string }; settings: { url: string } };
  /** POSTs to the channel's address, signed. `id` names the event. */
  post(hookUrl: string, body: object, id?: string): Promise<Response>;
  /** As `post`, of a message of Ann's. */
  say(hookUrl: string, text: string, more?: object): Promise<Response>;
  /** The messages of its chat, oldest first. */
  shown(thread?: string): Shown[];
  close(): Promise<void>;
}

export async function startProgram(secret = `whsec_${randomBytes(32).toString('base64')}`): Promise<Program> {
  const receiver = await startReceiver();
  let events = 0;
  const post: Program['post'] = (hookUrl, body, id) => {
    events += 1;
    const bytes = Buffer.from(JSON.stringify(body));
    const headers = signedHeaders(secret, id ?? `event-${events}`, Date.now(), bytes);
    return fetch(hookUrl, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: bytes,
    });
  };
  return {
    receiver,
    channel: { kind: 'webhook', credentials: { secret }, settings: { url: receiver.url } },
    post,
    say: (hookUrl, text, more) =>
      post(hookUrl, { thread: 'order-42', sender: { id: 'ann', name: 'Ann' }, text, ...more }),
    shown(thread) {
      const messages = new Map<string, Shown>();
      for (const { body } of receiver.received) {
        if (body.type === 'message' && !messages.has(body.id))
          messages.set(body.id, { id: body.id, thread: body.thread, text: body.text, history: [body.text] });
        const message = body.type === 'edited' ? messages.get(body.id) : undefined;
        if (message) {
          message.text = body.text;
          message.history.push(body.text);
        }
      }
      return [...messages.values()].filter((each) => thread === undefined || each.thread === thread);
    },
    close: () => receiver.close(),
  };
}
