/** The channel of the tests keeps to the port, or tests with it would prove nothing. */
import { createTestChannel } from '../../support/channel/index.ts';
import { describeChannel } from './kit.ts';
import { startReceiverPeer } from './receiver-peer.ts';

describeChannel('the test channel', {
  adapter: createTestChannel({ idempotentSend: false }),
  startPeer: startReceiverPeer,
  connect: (url) => ({ credentials: { token: 'secret' }, settings: { url } }),
  to: { thread: 'here' },
  meaning: [
    [{ status: 400 }, { kind: 'rejected' }],
    [{ status: 401 }, { kind: 'auth' }],
    [{ status: 500 }, { kind: 'ambiguous' }],
    [{ status: 503 }, { kind: 'retry' }],
  ],
  unlisted: true,
});
