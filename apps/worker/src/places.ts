/** What the places of conversations take of an answer, for the runs that write them. */
import type { ConnectionDeps, OpenCached, PlaceReader } from '@nightshift/agent';
import { answerLimitOf, ChannelError, capabilitiesOf, channelCatalog } from '@nightshift/channels';
import { readThread } from '@nightshift/core/channels';
import { readCuts } from '@nightshift/core/outbox';

export function createPlaceReader({ db, open }: ConnectionDeps & { open: OpenCached }): PlaceReader {
  return {
    async read({ teamId, channelId, lane }) {
      if (!channelId) return null;
      const thread = await readThread(db, lane.conversationId, { shown: false });
      if (!thread) return null;
      try {
        const { adapter, connection } = await open({ teamId, channelId, version: thread.version });
        const capabilities = capabilitiesOf(adapter, connection);
        return {
          name: channelCatalog.find(({ slug }) => slug === adapter.kind)?.name ?? adapter.kind,
          isPlain: capabilities.dialect === 'plain',
          ...answerLimitOf(capabilities),
          cut: await readCuts(db, lane.conversationId),
        };
      } catch (error) {
        // The delivery of the answer will say so.
        if (error instanceof ChannelError) return null;
        throw error;
      }
    },
  };
}
