/** What tests do with agents and runs, over the API. */
import { expect } from 'vitest';
import type { ModelServer, ServerWire } from '../model-server/index.ts';
import type { Client } from './client.ts';

let endpoints = 0;

/**
 * Stores the model server as a custom endpoint, with a name and a key of its own: what one test does to its key is
 * nothing to another.
 *
 * @returns the model's reference, for an agent
 */
export async function connectModel(
  client: Client,
  server: ModelServer,
  wire: ServerWire = 'openai-chat',
): Promise<string> {
  endpoints += 1;
  const name = `endpoint-${endpoints}`;
  await client.expect(
    201,
    client.post('/v1/provider-credentials', {
      provider: wire === 'openai-chat' ? 'openai-compatible' : 'anthropic-compatible',
      name,
      apiKey: `sk-test-0123456789abcdef-${endpoints}`,
      baseUrl: wire === 'openai-chat' ? server.openaiUrl : server.url,
    }),
  );
  return `${name}/test-model`;
}

let agents = 0;

/** @returns the new agent's id. */
export async function createAgent(client: Client, body: object = {}): Promise<string> {
  agents += 1;
  const agent = await client.expect(201, client.post('/v1/agents', { name: `agent ${agents}`, ...body }));
  return agent.id;
}

export interface Accepted {
  conversationId: string;
  messageId: string;
  runId: string;
}

/** Says something, and does not wait. */
export function say(
  client: Client,
  agentId: string,
  text: string,
  conversationId?: string,
): Promise<Accepted> {
  return client.expect(202, client.post(`/v1/agents/${agentId}/messages`, { text, conversationId }));
}

export interface Reply extends Accepted {
  status: string;
  reply: { text: string } | null;
  /** `provider/model` that answered last. */
  model: string | null;
  error: { code: string; message: string; hint?: string; details?: Record<string, unknown> } | null;
}

/** Says something and waits for the end of the run, however it ends. */
export function ask(client: Client, agentId: string, text: string, conversationId?: string): Promise<Reply> {
  return client.expect(200, client.post(`/v1/agents/${agentId}/messages?wait=60`, { text, conversationId }));
}

/** Waits until the run has ended. */
export async function runEnd(client: Client, runId: string, timeoutMs = 60_000) {
  const read = () => client.expect(200, client.get(`/v1/runs/${runId}`));
  await expect
    .poll(async () => (await read()).status, { timeout: timeoutMs })
    .toMatch(/succeeded|failed|cancelled/);
  return read();
}

export const stepsOf = async (client: Client, runId: string) =>
  (await client.expect(200, client.get(`/v1/runs/${runId}/steps`))).data;

/** A conversation's messages, oldest first, as `role: text`. */
export async function saidIn(client: Client, conversationId: string): Promise<string[]> {
  const { data } = await client.expect(
    200,
    client.get(`/v1/conversations/${conversationId}/messages?limit=200`),
  );
  return data
    .toReversed()
    .map((message: { role: string; text: string }) => `${message.role}: ${message.text}`);
}
