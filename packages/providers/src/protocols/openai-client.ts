/** The OpenAI SDK's client, for both of its wires. */
import type OpenAI from 'openai';
import type { Endpoint } from '../provider.ts';
import { bearerOf, createFetch } from '../transport.ts';

/** Loads the SDK at first use: it costs 200 ms, and a process that calls no such model does not need it. */
export async function createOpenAiClient(endpoint: Endpoint): Promise<OpenAI> {
  const { apiKey } = endpoint;
  const headers = apiKey === null ? {} : { authorization: `Bearer ${bearerOf(apiKey)}` };
  const { OpenAI } = await import('openai');
  return new OpenAI({
    baseURL: endpoint.baseUrl,
    // The SDK wants one; the real one goes into our own headers.
    apiKey: 'unused',
    // Null keeps the SDK from reading these from the environment.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    logLevel: 'off',
    fetch: createFetch(headers),
  });
}
