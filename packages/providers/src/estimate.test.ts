import type { ModelMessage } from '@nightshift/contracts';
import { describe, expect, it } from 'vitest';
import { estimateInput } from './estimate.ts';

const user = (...content: Extract<ModelMessage, { role: 'user' }>['content']): ModelMessage => ({
  role: 'user',
  content,
});
const text = (value: string) => user({ type: 'text', text: value });
const added = (message: ModelMessage) => {
  const [without, withIt] = [estimateInput({ messages: [] }), estimateInput({ messages: [message] })];
  return { low: withIt.low - without.low, high: withIt.high - without.high };
};

describe('estimateInput', () => {
  // Counted with o200k_base (npm gpt-tokenizer 4).
  it.each([
    ['English', 'The quick brown fox jumps over the lazy dog. '.repeat(50), 501],
    ['German', 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. '.repeat(50), 901],
    ['Chinese', '天地玄黄宇宙洪荒日月盈昃辰宿列张'.repeat(50), 850],
    ['code', 'for (let i = 0; i < n; i++) { sum += values[i] * weights[i]; }\n'.repeat(50), 1250],
  ])('holds what a tokenizer makes of %s between low and high', (_name, value, tokens) => {
    const { low, high } = added(text(value));
    expect(low).toBeLessThan(tokens);
    expect(high).toBeGreaterThan(tokens);
    expect(high / low).toBeLessThan(3.2);
  });

  it('counts what is not text', () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'A'.repeat(1_000_000) } as const;
    expect(added(user(image))).toEqual({ low: 87, high: 1612 });
    expect(estimateInput({ messages: [user(image)] }).hasImages).toBe(true);
    expect(estimateInput({ messages: [text('none')] }).hasImages).toBe(false);
    const file = {
      type: 'file',
      mediaType: 'application/pdf',
      name: 'a.pdf',
      data: 'A'.repeat(80_000),
    } as const;
    expect(added(user(file)).high).toBeGreaterThan(10_000);
  });

  it('counts the system text, tools, calls and results', () => {
    const long = 'x'.repeat(3_000);
    const parts: Parameters<typeof estimateInput>[0][] = [
      { system: long, messages: [] },
      { messages: [], tools: [{ name: 't', description: long, parameters: {} }] },
      {
        messages: [
          { role: 'assistant', content: [{ type: 'toolCall', id: '1', name: 't', arguments: { a: long } }] },
        ],
      },
      { messages: [{ role: 'assistant', content: [{ type: 'thinking', text: long, issuer: 'a' }] }] },
      {
        messages: [
          {
            role: 'tool',
            content: [
              {
                type: 'toolResult',
                callId: '1',
                name: 't',
                content: [{ type: 'text', text: long }],
                isError: false,
              },
            ],
          },
        ],
      },
    ];
    for (const call of parts) expect(estimateInput(call).high).toBeGreaterThan(1_000);
  });
});
