/** What an endpoint itself says it has: `GET {baseUrl}/models`, or where the vendor's row says. */

import { createHash } from 'node:crypto';
import { isStorable } from '@nightshift/contracts';
import { httpError, toModelError } from './errors.ts';
import { type Endpoint, ModelError } from './provider.ts';
import { bearerOf, HttpFailure, readCapped } from './transport.ts';

export interface LiveModel {
  /** The vendor's own id. */
  id: string;
  /** In tokens; null when the vendor does not say. */
  contextWindow: number | null;
}

const TIMEOUT_MS = 10_000;
/** The longest lists (20,000 models) are some 10 MB. */
const MAX_BYTES = 16 * 1024 * 1024;
const CACHE_MS = 5 * 60_000;
const MAX_LISTS = 64;

/** Of this process, by endpoint and key: two keys of a vendor may have different models. */
const lists = new Map<string, { until: number; models: Promise<readonly LiveModel[]> }>();

/**
 * The endpoint's models, in its own order, at most five minutes old. Those who ask at once share one request.
 * @throws {ModelError} when there is no list, or it cannot be read
 */
export function listLiveModels(endpoint: Endpoint, now = Date.now()): Promise<readonly LiveModel[]> {
  const key = createHash('sha256')
    .update([endpoint.baseUrl, endpoint.wire, endpoint.apiKey ?? ''].join('\n'))
    .digest('base64');
  const known = lists.get(key);
  if (known && known.until > now) return known.models;
  lists.delete(key);
  if (lists.size >= MAX_LISTS) lists.delete(lists.keys().next().value as string);
  const models = fetchModels(endpoint);
  const entry = { until: now + CACHE_MS, models };
  lists.set(key, entry);
  models.catch(() => {
    if (lists.get(key) === entry) lists.delete(key);
  });
  return models;
}

async function fetchModels(endpoint: Endpoint): Promise<readonly LiveModel[]> {
  const url = modelsUrlOf(endpoint);
  if (url === null) throw new ModelError('request', `${endpoint.provider} has no list of models.`);
  try {
    const response = await fetch(url, {
      headers: headersFor(endpoint),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = await readCapped(response, MAX_BYTES);
    const models = response.ok ? parse(body) : null;
    if (models) return models;
    const failure = new HttpFailure(response.status, response.headers, body);
    if (!response.ok || looksLikeHtml(response)) throw httpError(failure, endpoint);
    throw new ModelError('server', 'The endpoint answered with something that is no list of models.');
  } catch (error) {
    if (error instanceof Error && error.name === 'TimeoutError') {
      throw new ModelError('timeout', `The list of models did not come within ${TIMEOUT_MS / 1000} s.`);
    }
    throw toModelError(error, endpoint, false);
  }
}

function modelsUrlOf({ wire, baseUrl, modelsUrl }: Endpoint): string | null {
  if (wire === 'demo') return null;
  if (modelsUrl !== undefined) return modelsUrl;
  if (wire !== 'anthropic-messages') return `${baseUrl}/models`;
  // Paged, 20 at a time unless told. https://docs.anthropic.com/en/api/models-list
  return `${baseUrl.replace(/\/v1$/, '')}/v1/models?limit=1000`;
}

function headersFor({ wire, apiKey, compat }: Endpoint): Record<string, string> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (wire === 'anthropic-messages') headers['anthropic-version'] = compat.anthropicVersion ?? '2023-06-01';
  if (apiKey === null) return headers;
  const key = bearerOf(apiKey);
  if (wire === 'anthropic-messages') headers['x-api-key'] = key;
  if (wire !== 'anthropic-messages' || compat.xApiKey) headers.authorization = `Bearer ${key}`;
  return headers;
}

const looksLikeHtml = (response: Response) =>
  (response.headers.get('content-type') ?? '').startsWith('text/html');

/** `{data}` (OpenAI, Anthropic, most), `{models}` (Cohere) or a bare list (Together, GitHub). Null: something else. */
function parse(body: string): LiveModel[] | null {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    return null;
  }
  const { data, models } = Object(document) as Record<string, unknown>;
  const list = [document, data, models].find(Array.isArray);
  return list?.flatMap((entry) => parseEntry(entry) ?? []) ?? null;
}

const windowFields = [
  'context_window',
  'context_length',
  'max_context_length',
  'max_model_len',
  'max_input_tokens',
] as const;

function parseEntry(entry: unknown): LiveModel | null {
  const fields = Object(entry) as Record<string, unknown>;
  const id = typeof entry === 'string' ? entry : (fields.id ?? fields.name);
  // A model of a name that cannot be stored cannot be named either.
  if (typeof id !== 'string' || id === '' || !isStorable(id)) return null;
  const window = windowFields.map((name) => fields[name]).find((value) => Number.isSafeInteger(value));
  return {
    // Gemini lists `models/gemini-…` and takes the id without it.
    id: id.replace(/^models\//, ''),
    contextWindow: typeof window === 'number' && window > 0 ? window : null,
  };
}
