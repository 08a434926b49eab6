import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultModelOf } from './default-model.ts';
import type { Endpoint } from './provider.ts';

let listed: string[];
const server = createServer((_request, response) =>
  response
    .setHeader('content-type', 'application/json')
    .end(JSON.stringify({ data: listed.map((id) => ({ id })) })),
);
beforeEach(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterEach(() => new Promise((resolve) => server.close(resolve)));

it.each([
  [['qwen3:32b', 'llama-4'], 'qwen3:32b'],
  [['nomic-embed-text:latest', 'bge-m3', 'qwen3'], 'qwen3'],
  [['text-embedding-3-small', 'whisper-1', 'dall-e-3', 'gpt-5'], 'gpt-5'],
  [['jina-reranker-v3', 'Qwen/Qwen3-Embedding-8B', 'mistralai/Mistral-7B'], 'mistralai/Mistral-7B'],
  // Named like them, and for a chat.
  [['guardian-llama', 'x'], 'guardian-llama'],
  [['only-embed'], 'only-embed'],
  [[], null],
])('of %j it is %j', async (ids, wanted) => {
  listed = ids;
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const endpoint = { provider: 'lab', wire: 'openai-chat', baseUrl, apiKey: null, compat: {} } as Endpoint;
  expect(await defaultModelOf(endpoint)).toBe(wanted);
});
