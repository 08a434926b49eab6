/**
 * How much of a stream is taken in. The server decides how large stanzas may be, and people how they are built; the
 * library keeps whatever comes, and lets what it stumbles over end the process.
 */
import type { StreamParser, XmppClient } from '@xmpp/client';

export const streamLimits = {
  /** Of a stanza, in UTF-16 units. Servers take 256 KiB from clients, and 512 KiB from each other. */
  length: 1024 * 1024,
  /** Of elements in each other, with the stream, and of elements in a stanza. What is beyond is left out. */
  depth: 50,
  elements: 5_000,
} as const;

/** To be called before the client connects. `fail`: the stream cannot be read any further. */
export function boundStream(client: XmppClient, fail: (error: unknown) => void): void {
  client.transports = client.transports.map((Base) => {
    const Transport = class extends Base {};
    Transport.prototype.Parser = bounded(Base.prototype.Parser);
    return Transport;
  });
  const read = client._onData.bind(client);
  client._onData = (data) => {
    try {
      // Without a parser the stream is over, whatever else is sent.
      if (client.parser) read(data);
    } catch (error) {
      fail(error);
    }
  };
}

const bounded = (Base: typeof StreamParser): typeof StreamParser =>
  class extends Base {
    private depth = 0;
    private elements = 0;
    private length = 0;
    /** Where the outermost element that is left out stands; 0: none is. */
    private leftOutAt = 0;

    override write(data: string): void {
      this.length += data.length;
      if (this.length > streamLimits.length)
        throw new Error('The XMPP server sent a stanza that is too large.');
      super.write(data);
    }

    override onStartElement(name: string, attributes: object): void {
      this.depth += 1;
      this.elements += 1;
      if (this.leftOutAt > 0) return;
      if (this.depth > streamLimits.depth || this.elements > streamLimits.elements)
        this.leftOutAt = this.depth;
      else super.onStartElement(name, attributes);
    }

    override onEndElement(name: string): void {
      const at = this.depth;
      this.depth -= 1;
      if (this.depth <= 1) {
        this.length = 0;
        this.elements = 0;
      }
      if (this.leftOutAt === 0) super.onEndElement(name);
      else if (at <= this.leftOutAt) this.leftOutAt = 0;
    }

    override onText(text: string): void {
      if (this.leftOutAt === 0) super.onText(text);
    }
  };
