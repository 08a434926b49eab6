import { describe, expect, it } from 'vitest';
import { serverSentEvents } from './server-sent-events.ts';

async function read(...chunks: string[]): Promise<unknown[]> {
  const bytes = chunks.map((chunk) => new TextEncoder().encode(chunk));
  const events: unknown[] = [];
  for await (const event of serverSentEvents(new Response(ReadableStream.from(bytes)))) events.push(event);
  return events;
}

describe('serverSentEvents', () => {
  it.each<[string, string[], unknown[]]>([
    ['line ends of any kind', ['data: 1\r\n\r\ndata:2\n\n'], [1, 2]],
    ['an event in pieces', ['da', 'ta: {"a"', ':', '1}', '\n', '\n'], [{ a: 1 }]],
    ['an event on two lines', ['data: {"a":\ndata: 1}\n\n'], [{ a: 1 }]],
    ['comments, names and ids', [': ping\n\nevent: x\nid: 7\ndata: 1\n\n'], [1]],
    ['a last event without its blank line', ['data: 1\n\ndata: 2'], [1, 2]],
    ['nothing of a last event that broke off', ['data: 1\n\ndata: {"a'], [1]],
    ['nothing after [DONE]', ['data: 1\n\ndata: [DONE]\n\ndata: 2\n\n'], [1]],
    ['nothing at all', [], []],
  ])('reads %s', async (_name, chunks, events) => {
    expect(await read(...chunks)).toEqual(events);
  });

  it('wraps the data of an event that is called error, unless it is one already', async () => {
    const text =
      'event: error\ndata: {"message":"x"}\n\nevent: error\ndata: {"error":1}\n\ndata: {"message":"y"}\n\n';
    const expected = [{ error: { message: 'x' } }, { error: 1 }, { message: 'y' }];
    expect(await read(text)).toEqual(expected);
    expect(await read(...text)).toEqual(expected);
    expect(await read('event: error\ndata: {"message":"x"}')).toEqual([{ error: { message: 'x' } }]);
  });

  it.each(['data: 1\n\ndata: [DONE]\n\n', 'data: 1\n\ndata: [DONE]', 'data: 1\n\ndata: [DONE] \n\n'])(
    'tells of the end that a server announces: %j',
    async (text) => {
      let isDone = false;
      const response = new Response(text);
      for await (const _event of serverSentEvents(response, undefined, () => {
        isDone = true;
      }))
        expect(isDone).toBe(false);
      expect(isDone).toBe(true);
    },
  );

  it('throws at what is no JSON', async () => {
    await expect(read('data: {"a\n\n')).rejects.toThrow(SyntaxError);
  });

  it.each([
    ['one line', 'a'.repeat(1024 * 1024), 16],
    ['lines of one event', `data:${'a'.repeat(1018)}\n`.repeat(1024), 16],
    ['comments', ':\n'.repeat(512 * 1024), 128],
  ])('gives up on a stream without an end (%s)', async (_name, megabyte, most) => {
    let sent = 0;
    const chunk = new TextEncoder().encode(megabyte);
    const endless = new ReadableStream({
      pull(controller) {
        sent++;
        controller.enqueue(chunk);
      },
    });
    const reading = async () => {
      for await (const _event of serverSentEvents(new Response(endless)));
    };
    await expect(reading()).rejects.toMatchObject({
      kind: 'server',
      message: expect.stringContaining(`${most} MB`),
    });
    expect(sent).toBeLessThan(most * 1.2);
  });
});
