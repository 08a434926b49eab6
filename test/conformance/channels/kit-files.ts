/** The kit's questions about files: who claims to fetch or to send them does it, and stops where it must. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type {
  ChannelAdapter,
  Connection,
  DownloadContext,
  InboundAttachment,
  OutgoingFile,
  SendContext,
} from '@nightshift/channels';
import type { Address } from '@nightshift/contracts';
import { expect, it } from 'vitest';

/** What a peer has of files and reactions: each where the adapter claims the ability. */
export interface FilePeer {
  /** Keeps a file that somebody sent along. @returns what the message says of it */
  offer?(file: OutgoingFile): InboundAttachment;
  /** What a message says of a file that is at `url`, which is not the platform's. Absent: nothing there names addresses. */
  elsewhere?(url: string): InboundAttachment;
  /** The files that were sent there, oldest first. */
  files?(): { name: string; data: Uint8Array }[];
  /** Emoji on messages there. */
  reactions?(): string[];
}

interface Meeting {
  peer: FilePeer;
  // biome-ignore lint/suspicious/noExplicitAny: each adapter has its own credentials and settings
  connection: Connection<any, any>;
  context: SendContext & DownloadContext;
}

const chunk = new Uint8Array(64 * 1024);

/** Much more than is ever wanted, and how much of it was read. */
function flood(): { body: ReadableStream<Uint8Array>; readBytes(): number } {
  let readBytes = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      readBytes += chunk.length;
      if (readBytes > 1024 * chunk.length) controller.close();
      else controller.enqueue(chunk);
    },
  });
  return { body, readBytes: () => readBytes };
}

const isJson = ({ headers }: Response) => headers.get('content-type')?.startsWith('application/json');

export function describeFiles(
  // biome-ignore lint/suspicious/noExplicitAny: each adapter has its own credentials and settings
  adapter: ChannelAdapter<any, any>,
  to: Address,
  meet: () => Meeting,
): void {
  const { inMax, outMax } = adapter.capabilities.files;
  // Small, and unpacked a thousand times as large.
  const bomb: OutgoingFile = {
    name: 'plan.png',
    mediaType: 'image/png',
    data: gzipSync(Buffer.alloc(10_000_000)),
  };

  if (inMax !== null) {
    it('fetches a file byte for byte, and unpacks nothing', async () => {
      const { peer, connection, context } = meet();
      const { data } = await adapter.download!(peer.offer!(bomb), connection, context);
      expect(Buffer.from(data).equals(bomb.data)).toBe(true);
    });

    it('stops fetching where it is larger than it may be, whatever was said before', async () => {
      const { peer, connection, context } = meet();
      const { body, readBytes } = flood();
      const fetch: typeof context.fetch = async (url, init) => {
        const response = await context.fetch(url, init);
        return isJson(response) ? response : new Response(body, { headers: { 'content-length': '10' } });
      };
      const large = { ...bomb, data: randomBytes(context.maxBytes + 1) };
      const attachment = { ...peer.offer!(large), bytes: 10 };
      const downloading = adapter.download!(attachment, connection, { ...context, fetch });
      await expect(downloading).rejects.toMatchObject({ name: 'ChannelError', kind: 'rejected' });
      expect(readBytes()).toBeLessThan(context.maxBytes + 8 * chunk.length);
    });

    it('asks nobody for a file but the platform', async () => {
      const { peer, connection, context } = meet();
      if (!peer.elsewhere) return;
      const asked: string[] = [];
      const fetch: typeof context.fetch = (url, init) => {
        asked.push(new URL(url).hostname);
        return context.fetch(url, init);
      };
      for (const host of ['files.example.com', '127.0.0.1.example.com', '169.254.169.254']) {
        const attachment = peer.elsewhere(`https://${host}/attachments/1/2/plan.png`);
        const downloading = adapter.download!(attachment, connection, { ...context, fetch });
        await expect(downloading).rejects.toMatchObject({ name: 'ChannelError', kind: 'rejected' });
        expect(asked).not.toContain(host);
      }
    });
  }

  if (outMax !== null)
    it('sends a file once, as it is, under its name', async () => {
      const { peer, connection, context } = meet();
      const file = { name: 'notes.txt', mediaType: 'text/plain', data: randomBytes(5_000) };
      const receipt = await adapter.sendFile!(file, to, connection, context);
      expect(JSON.parse(JSON.stringify(receipt))).toEqual(receipt);
      const [sent, ...others] = peer.files!();
      expect([sent?.name, others.length]).toEqual([file.name, 0]);
      expect(file.data.equals(sent!.data)).toBe(true);
    });
}
