/** Clients of the OpenAI-compatible API that people use, each with its own defaults, behind one face for the matrix of tests. */
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { OpenAI as LlamaOpenAI } from '@llamaindex/openai';
import { generateObject, generateText, type LanguageModel, streamText } from 'ai';
import OpenAI7 from 'openai';
import OpenAI4 from 'openai4';
import OpenAI5 from 'openai5';
import OpenAI6 from 'openai6';
import { z } from 'zod';

export interface Address {
  baseURL: string;
  apiKey: string;
  model: string;
}

export interface TestClient {
  name: string;
  chat(text: string): Promise<string>;
  /** The pieces. */
  stream(text: string): Promise<string[]>;
  /** An object of `City`. */
  structured(text: string): Promise<unknown>;
  /** `image`: a PNG. */
  see(text: string, image: Buffer): Promise<string>;
  /** The HTTP status of an error that it throws; undefined: it was none of an answer. */
  statusOf(error: unknown): number | undefined;
}

export const City = z.object({ name: z.string(), people: z.number() });

const dataUrl = (image: Buffer) => `data:image/png;base64,${image.toString('base64')}`;

// biome-ignore lint/suspicious/noExplicitAny: errors of many libraries
const statusOf = (error: any): number | undefined =>
  error?.status ?? error?.statusCode ?? error?.lastError?.statusCode ?? error?.cause?.status;

type AnyOpenAI = typeof OpenAI7;

function openai(version: number, Client: AnyOpenAI, { baseURL, apiKey, model }: Address): TestClient {
  const client = new Client({ baseURL, apiKey });
  const user = (content: unknown) => [{ role: 'user' as const, content: content as string }];
  const ask = async (content: unknown) => {
    const completion = await client.chat.completions.create({ model, messages: user(content) });
    return completion.choices[0]!.message.content!;
  };
  return {
    name: `openai ${version}`,
    chat: ask,
    async stream(text) {
      const stream = await client.chat.completions.create({ model, messages: user(text), stream: true });
      const pieces: string[] = [];
      for await (const { choices } of stream) pieces.push(choices[0]?.delta.content ?? '');
      return pieces.filter(Boolean);
    },
    async structured(text) {
      const schema = z.toJSONSchema(City);
      const completion = await client.chat.completions.create({
        model,
        messages: user(text),
        response_format: { type: 'json_schema', json_schema: { name: 'city', strict: true, schema } },
      });
      return JSON.parse(completion.choices[0]!.message.content!);
    },
    see: (text, image) =>
      ask([
        { type: 'text', text },
        { type: 'image_url', image_url: { url: dataUrl(image) } },
      ]),
    statusOf,
  };
}

function vercel(name: string, model: LanguageModel): TestClient {
  return {
    name,
    chat: async (prompt) => (await generateText({ model, prompt })).text,
    async stream(prompt) {
      const errors: unknown[] = [];
      const { textStream } = streamText({ model, prompt, onError: ({ error }) => void errors.push(error) });
      const pieces = await Array.fromAsync(textStream);
      if (errors.length > 0) throw errors[0];
      return pieces;
    },
    structured: async (prompt) => (await generateObject({ model, prompt, schema: City })).object,
    see: async (text, image) =>
      (
        await generateText({
          model,
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text },
                { type: 'file', mediaType: 'image/png', data: image },
              ],
            },
          ],
        })
      ).text,
    statusOf,
  };
}

function langchain({ baseURL, apiKey, model }: Address): TestClient {
  const chat = new ChatOpenAI({ model, apiKey, configuration: { baseURL } });
  return {
    name: 'LangChain',
    chat: async (text) => (await chat.invoke(text)).text,
    async stream(text) {
      const pieces: string[] = [];
      for await (const chunk of await chat.stream(text)) pieces.push(chunk.text);
      return pieces.filter(Boolean);
    },
    structured: (text) => chat.withStructuredOutput(City).invoke(text),
    see: async (text, image) => {
      const content = [
        { type: 'text', text },
        { type: 'image_url', image_url: { url: dataUrl(image) } },
      ];
      return (await chat.invoke([new HumanMessage({ content })])).text;
    },
    statusOf,
  };
}

function llamaindex({ baseURL, apiKey, model }: Address): TestClient {
  const llm = new LlamaOpenAI({ model, apiKey, baseURL });
  const ask = async (content: unknown, responseFormat?: object) => {
    const messages = [{ role: 'user' as const, content: content as string }];
    const { message } = await llm.chat({ messages, ...(responseFormat ? { responseFormat } : {}) });
    return message.content as string;
  };
  return {
    name: 'llamaindex',
    chat: ask,
    async stream(text) {
      const pieces: string[] = [];
      const stream = await llm.chat({ messages: [{ role: 'user', content: text }], stream: true });
      for await (const { delta } of stream) pieces.push(delta);
      return pieces.filter(Boolean);
    },
    structured: async (text) => JSON.parse(await ask(text, City)),
    see: (text, image) =>
      ask([
        { type: 'text', text },
        { type: 'image_url', image_url: { url: dataUrl(image) } },
      ]),
    statusOf,
  };
}

export function createClients(address: Address): TestClient[] {
  const { baseURL, apiKey, model } = address;
  const compatible = createOpenAICompatible({ name: 'nightshift', baseURL, apiKey });
  const provider = createOpenAI({ baseURL, apiKey });
  return [
    openai(4, OpenAI4 as unknown as AnyOpenAI, address),
    openai(5, OpenAI5 as unknown as AnyOpenAI, address),
    openai(6, OpenAI6 as unknown as AnyOpenAI, address),
    openai(7, OpenAI7, address),
    vercel('ai, @ai-sdk/openai-compatible', compatible(model)),
    vercel('ai, @ai-sdk/openai (chat)', provider.chat(model)),
    vercel('ai, @ai-sdk/openai (responses)', provider(model)),
    langchain(address),
    llamaindex(address),
  ];
}

/** The names, for tests that are made before there is an address. */
export const clientNames = createClients({ baseURL: 'http://127.0.0.1', apiKey: 'x', model: 'x' }).map(
  ({ name }) => name,
);
