import type { AssistantMessage, ModelMessage } from '@nightshift/contracts';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from './provider.ts';
import { createToolNames } from './tool-names.ts';
import { transcode } from './transcode.ts';

const target = (compat: Endpoint['compat'] = {}) => ({
  provider: 'acme',
  wire: 'openai-chat' as const,
  compat,
});
const run = (messages: ModelMessage[], compat: Endpoint['compat'] = {}) =>
  transcode({ model: 'm1', messages }, target(compat)).messages;

const user = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const says = (...content: AssistantMessage['content']): ModelMessage => ({ role: 'assistant', content });
const call = (id: string, name = 'time.now') => ({ type: 'toolCall' as const, id, name, arguments: {} });
const result = (callId: string, text = 'r'): ModelMessage => ({
  role: 'tool',
  content: [
    { type: 'toolResult', callId, name: 'time.now', content: [{ type: 'text', text }], isError: false },
  ],
});
const idsOf = (messages: ModelMessage[]) =>
  messages.flatMap((message) =>
    message.content.flatMap((part) =>
      part.type === 'toolCall'
        ? [`call ${part.id}`]
        : part.type === 'toolResult'
          ? [`result ${part.callId}`]
          : [],
    ),
  );

describe('transcode: tool-call ids', () => {
  it('keeps an id that fits', () => {
    expect(idsOf(run([user('a'), says(call('call_1')), result('call_1')]))).toEqual([
      'call call_1',
      'result call_1',
    ]);
  });

  it.each(['functions.time:0', 'x'.repeat(41), '', 'ünï'])(
    'replaces %j, on both sides alike, and the same each time',
    (id) => {
      const messages = [user('a'), says(call(id)), result(id)];
      const [first, second] = idsOf(run(messages));
      expect(first).toMatch(/^call call_[0-9a-f]{24}$/);
      expect(second).toBe(first!.replace('call ', 'result '));
      expect(idsOf(run(messages))).toEqual([first, second]);
    },
  );

  it('makes nine alphanumerics where the vendor wants them', () => {
    const ids = idsOf(
      run([user('a'), says(call('call_1'), call('abcDEF123'))], { toolCallIds: 'alphanumeric9' }),
    );
    expect(ids[0]).toMatch(/^call [a-z0-9]{9}$/);
    expect(ids[1]).toBe('call abcDEF123');
  });

  it('gives an id that comes back in a later answer another one', () => {
    const ids = idsOf(
      run([
        user('a'),
        says(call('call_0')),
        result('call_0', '1'),
        says(call('call_0')),
        result('call_0', '2'),
      ]),
    );
    expect(ids[0]).toBe('call call_0');
    expect(ids[2]).not.toBe(ids[0]);
    expect(ids[3]).toBe(ids[2]!.replace('call ', 'result '));
  });
});

describe('transcode: tool names', () => {
  it('encodes to what wires allow, and back', () => {
    const names = createToolNames(['time.now', 'notes.write', 'plain']);
    expect(names.encode('time.now')).toBe('time_now');
    expect(names.decode('time_now')).toBe('time.now');
    expect(names.encode('plain')).toBe('plain');
    expect(names.decode('made_up')).toBe('made_up');
  });

  it('keeps names apart that would collide', () => {
    const ours = ['a.b', 'a_b', 'a b', `${'x'.repeat(70)}1`, `${'x'.repeat(70)}2`];
    const names = createToolNames(ours);
    const wire = ours.map((name) => names.encode(name));
    expect(new Set(wire).size).toBe(ours.length);
    for (const name of wire) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect(wire[1]).toBe('a_b');
    expect(wire.map((name) => names.decode(name))).toEqual(ours);
  });

  it('knows names of the history that are offered no more', () => {
    const { messages } = transcode(
      { model: 'm1', messages: [user('a'), says(call('c', 'gone.tool')), result('c')], tools: [] },
      target(),
    );
    expect(messages[1]!.content[0]).toMatchObject({ name: 'gone_tool' });
    expect(messages[2]!.content[0]).toMatchObject({ name: 'gone_tool' });
  });
});

describe('transcode: repairs', () => {
  it('answers a call that has no result with an error', () => {
    const messages = run([user('a'), says(call('c1'), call('c2')), result('c2'), user('b')]);
    expect(idsOf(messages)).toEqual(['call c1', 'call c2', 'result c1', 'result c2']);
    expect(messages[2]!.content[0]).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('interrupted') }],
    });
    expect(messages[2]!.content[1]).toMatchObject({ isError: false });
  });

  it('drops a result that answers no call, and a second one', () => {
    expect(
      idsOf(
        run([user('a'), result('nobody'), says(call('c1')), result('c1', 'first'), result('c1', 'second')]),
      ),
    ).toEqual(['call c1', 'result c1']);
  });

  it('takes a result in that came after a user message', () => {
    const messages = run([user('a'), says(call('c1')), user('wait'), result('c1', 'late')]);
    expect(messages.map((message) => message.role)).toEqual(['user', 'assistant', 'tool', 'user']);
    expect(messages[2]!.content[0]).toMatchObject({ content: [{ text: 'late' }], isError: false });
  });

  it('merges messages of one role and removes empty ones', () => {
    const messages = run([user('a'), says({ type: 'text', text: ' \n' }), user(''), user('b'), says()]);
    expect(messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
  });

  it('says so when a tool put nothing out', () => {
    const messages = run([user('a'), says(call('c1')), result('c1', '')]);
    expect(messages[2]!.content[0]).toMatchObject({ content: [{ text: '(no output)' }], isError: false });
  });

  it('replaces lone surrogates', () => {
    expect(run([user('a\ud800b')])[0]!.content[0]).toEqual({ type: 'text', text: 'a\ufffdb' });
    const broken = {
      ...call('c1'),
      arguments: { 'k\ud800': ['\udfff', { deep: 'x\ud83d' }], n: 1, no: null },
    };
    expect(run([user('a'), says(broken), result('c1')])[1]!.content[0]).toMatchObject({
      arguments: { 'k\ufffd': ['\ufffd', { deep: 'x\ufffd' }], n: 1, no: null },
    });
  });
});

describe('transcode: thinking and images', () => {
  const thought = (issuer: string) => ({ type: 'thinking' as const, text: 't', signature: 's', issuer });

  it('keeps thinking for the model that issued it and for nobody else', () => {
    const own = thought('acme/openai-chat/m1');
    const others = ['acme/openai-chat/m2', 'acme/anthropic-messages/m1', 'other/openai-chat/m1'].map(thought);
    const messages = run([user('a'), says(own, ...others, { type: 'text', text: 'x' })]);
    expect(messages[1]!.content).toEqual([own, { type: 'text', text: 'x' }]);
  });

  it('sends no message of thinking alone', () => {
    expect(run([user('a'), says(thought('acme/openai-chat/m1'))])).toHaveLength(1);
  });

  it('replaces images for text-only models, in tool results too', () => {
    const image = { type: 'image' as const, mediaType: 'image/png', data: 'x' };
    const messages: ModelMessage[] = [
      { role: 'user', content: [image] },
      says(call('c1')),
      {
        role: 'tool',
        content: [{ type: 'toolResult', callId: 'c1', name: 'time.now', content: [image], isError: false }],
      },
    ];
    expect(JSON.stringify(run(messages))).toContain('image/png');
    const textOnly = JSON.stringify(run(messages, { textOnly: true }));
    expect(textOnly).not.toContain('image/png');
    expect(textOnly.match(/An image was here/g)).toHaveLength(2);
  });

  it('knows text-only models by the beginning of their names', () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'aGk=' } as const;
    const shown = (textOnly: string[]) =>
      run([{ role: 'user', content: [image] }], { textOnly })[0]!.content[0]!.type;
    expect(shown(['m1'])).toBe('text');
    expect(shown(['m2', 'x-m1'])).toBe('image');
  });

  it('leaves its input as it is', () => {
    const messages = [user('a'), user('b'), says(call('bad id')), result('bad id')];
    const before = structuredClone(messages);
    run(messages);
    expect(messages).toEqual(before);
  });
});
