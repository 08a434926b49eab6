import { client as createClient, type Element, type StreamParser, type Transport } from '@xmpp/client';
import { expect, it } from 'vitest';
import { boundStream, streamLimits } from './bounds.ts';

function tcpOf(transports: (typeof Transport)[]) {
  return transports.find(({ prototype }) => {
    try {
      return prototype.socketParameters('xmpp://server.example') !== undefined;
    } catch {
      return false;
    }
  })!;
}

function start() {
  const client = createClient({
    service: 'xmpp://server.example',
    domain: 'server.example',
    resource: 'test',
    username: 'agent',
    timeout: 1_000,
    credentials: async () => undefined,
  });
  const failures: unknown[] = [];
  boundStream(client, (error) => failures.push(error));
  const stanzas: Element[] = [];
  const open = () => {
    const parser: StreamParser = new (tcpOf(client.transports).prototype.Parser)();
    parser.on('element', (element: Element) => stanzas.push(element));
    Object.assign(client, { parser });
    read('<stream:stream>');
  };
  const read = (data: string) => client._onData(Buffer.from(data));
  open();
  return { client, failures, stanzas, read };
}

const message = (inside: string) => `<message from='ann@server.example'>${inside}</message>`;

it('takes stanzas as they come, in whatever pieces', () => {
  const { read, stanzas, failures } = start();
  for (const character of message('<body>Hello &amp; <b>all</b></body>')) read(character);
  read(message('<body>again</body>').repeat(3));
  expect(stanzas.map((each) => each.getChildText('body'))).toEqual(['Hello & ', 'again', 'again', 'again']);
  expect(failures).toEqual([]);
});

it.each([
  ['elements in each other', '<a>'.repeat(100_000) + '</a>'.repeat(100_000)],
  ['many elements', '<a/>'.repeat(100_000)],
])('leaves out what is too much of a stanza: %s', (_name, inside) => {
  const { read, stanzas, failures } = start();
  read(message(`<body>before</body>${inside}<subject>after</subject>`));
  read(message('<body>next</body>'));
  const [stanza, next] = stanzas;
  expect(stanza!.getChildText('body')).toBe('before');
  expect(stanza!.toString().length).toBeLessThan(8 * streamLimits.elements);
  expect(next!.getChildText('body')).toBe('next');
  expect(failures).toEqual([]);
});

it('ends a stream whose stanza has no end, before it is kept', () => {
  const { read, failures } = start();
  const chunk = 'x'.repeat(64 * 1024);
  read("<message><body id='");
  for (let sent = 0; sent < 10 * streamLimits.length && failures.length === 0; sent += chunk.length)
    read(chunk);
  expect(failures).toEqual([expect.objectContaining({ message: expect.stringContaining('too large') })]);
});

it('is not ended by many small ones', () => {
  const { read, stanzas, failures } = start();
  for (let sent = 0; sent < 100; sent += 1) read(message(`<body>${'x'.repeat(20_000)}</body>`));
  expect([stanzas.length, failures]).toEqual([100, []]);
});

it('survives what comes after the end, and what a listener stumbles over', () => {
  const { client, read, failures } = start();
  client.parser!.on('element', () => {
    throw new Error('no address');
  });
  read(message(''));
  expect(failures).toEqual([expect.objectContaining({ message: 'no address' })]);
  Object.assign(client, { parser: null });
  read('<more/>');
  expect(failures).toHaveLength(1);
});
