/** IRC and XMPP over TLS: to whoever proves to be the server, and to nobody else. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Certificate, makeCertificate } from '../../support/certificate.ts';
import { connectBot as connectIrc, startScriptServer } from '../../support/irc/index.ts';
import { describeWith } from '../../support/programs.ts';
import { connectBot as connectXmpp, joinXmpp, startProsody } from '../../support/xmpp/index.ts';

describeWith('openssl', 'with a certificate', () => {
  let certificate: Certificate;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(() => {
    certificate = makeCertificate();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => certificate.remove());

  const believing = async <T>(work: () => Promise<T>): Promise<T> => {
    const doubt = certificate.trust();
    try {
      return await work();
    } finally {
      doubt();
    }
  };

  it('IRC', async () => {
    const server = await startScriptServer(undefined, { certificate });
    closing.push(server.close);
    const connect = (host: string) =>
      connectIrc(server.port, { encryption: 'tls', host }, { password: 'secret' });
    await expect(connect('127.0.0.1')).rejects.toMatchObject({
      kind: 'retry',
      message: expect.stringContaining('certificate'),
    });
    expect(server.lines).toEqual([]);
    await believing(async () => {
      const bot = await connect('127.0.0.1');
      closing.push(bot.leave);
      await bot.send('encrypted', '#dev');
    });
    expect(server.lines).toContain('PRIVMSG #dev :encrypted');
  });

  describeWith('prosody', 'on prosody', () => {
    it.each(['starttls', 'tls'])('XMPP with %s', async (encryption) => {
      const server = await startProsody(['ann', 'nightbot'], { certificate });
      closing.push(server.stop);
      const port = encryption === 'tls' ? server.tlsPort : server.port;
      await expect(connectXmpp(port, { encryption })).rejects.toMatchObject({
        kind: 'retry',
        message: expect.stringContaining('certificate'),
      });
      await believing(async () => {
        const ann = await joinXmpp(server.port, 'ann');
        closing.push(ann.close);
        const bot = await connectXmpp(port, { encryption });
        closing.push(bot.leave);
        await bot.send('encrypted', { to: 'ann@localhost', type: 'chat' });
        await ann.sync();
        expect(ann.shown('nightbot@localhost')).toEqual(['encrypted']);
      });
    });
  });
});
