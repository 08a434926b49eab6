/** A platform whose requests are `{text}` sends and edits by id, for adapters that speak plain JSON. */
import { type Received, startReceiver } from '../../support/channel/index.ts';
import type { Peer } from './kit.ts';

/** `isEdit` tells edits from sends; anything without a text is no message. */
export async function startReceiverPeer(): Promise<Peer> {
  const receiver = await startReceiver();
  const idOf = ({ body, id }: Received): string => body?.id ?? id;
  let accepted: (received: Received) => boolean = () => true;
  return {
    url: receiver.url,
    requests: () => receiver.received.length,
    shown() {
      const messages = new Map<string, { text: string; to?: { thread: string } }>();
      for (const received of receiver.received.filter(accepted)) {
        const { text, thread } = received.body ?? {};
        if (typeof text === 'string') messages.set(idOf(received), { text, to: { thread } });
      }
      return [...messages.values()];
    },
    offer({ name, mediaType, data }) {
      receiver.react(() => ({ status: 200, body: data }));
      return { name, mediaType, bytes: null, source: { url: `${receiver.url}/plan.png` } };
    },
    files: () =>
      receiver.received
        .filter(({ body }) => body?.type === 'file')
        .map(({ body: { name, data } }) => ({ name, data: Buffer.from(data, 'base64') })),
    react(how) {
      const before = receiver.received.length;
      receiver.react(how);
      accepted = (received) => receiver.received.indexOf(received) < before;
    },
    shut: () => receiver.shut(),
    close: () => receiver.close(),
  };
}
