import type { Connector } from './channel.ts';

/** A `connect` that ends well when it was told to stop, whatever it was on then. */
export const untilAborted =
  <Credentials, Settings>(
    connect: Connector<Credentials, Settings>['connect'],
  ): Connector<Credentials, Settings>['connect'] =>
  async (connection, sink, context) => {
    try {
      await connect(connection, sink, context);
    } catch (error) {
      if (!context.signal.aborted) throw error;
    }
  };
