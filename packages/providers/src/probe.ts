/** Whether a key works: the cheapest real call that it can make, and what is wrong in words that lead on. */
import { findVendor } from './catalog.ts';
import { checkModel, isAmong } from './check-model.ts';
import { type LiveModel, listLiveModels } from './listing.ts';
import { priceOf } from './pricing.ts';
import type { Protocols } from './protocols/index.ts';
import { type Endpoint, ModelError, type ModelErrorKind } from './provider.ts';
import { type AttemptRecord, createRouter } from './router.ts';

/** For all of it, in seconds. */
const LIMIT_SECONDS = 20;
/** The least that OpenAI's responses take. */
const MAX_OUTPUT_TOKENS = 16;
/** Calls: a model that a vendor lists may still be none to chat with. */
const MAX_MODELS_TRIED = 2;
/** Looked through for the cheapest. */
const MAX_MODELS_PRICED = 1000;

export interface ProbeResult {
  ok: boolean;
  /** The vendor's own id of the model that was called last. Null: none could be chosen. */
  model: string | null;
  /** Of the last call, in milliseconds. */
  latencyMs: number | null;
  problem: { kind: ModelErrorKind; message: string; hint: string } | null;
  /** How many models the endpoint lists. Null: its list could not be read. */
  models: number | null;
  /** For the ledger. */
  attempts: AttemptRecord[];
}

export interface ProbeOptions {
  credentialId: string | null;
  /** The vendor's own id. Default: the cheapest that the list of prices and the endpoint's own have in common. */
  model?: string | undefined;
  protocols: Protocols;
  /** When the asker is gone. */
  signal: AbortSignal;
}

/** Never rejects for what the endpoint does. Takes 20 s at most. */
export async function probe(endpoint: Endpoint, options: ProbeOptions): Promise<ProbeResult> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(LIMIT_SECONDS * 1000)]);
  const { live, failed } = await list(endpoint);
  const attempts: AttemptRecord[] = [];
  const models = options.model ? [options.model] : await modelsToTry(endpoint, live);
  let failure: ModelError | null = null;

  for (const model of models) {
    failure = await call(endpoint, model, { ...options, signal }, attempts);
    if (failure?.kind === 'aborted' && !options.signal.aborted)
      failure = new ModelError('timeout', `No answer within ${LIMIT_SECONDS} s.`);
    const { durationMs } = attempts.at(-1) ?? { durationMs: null };
    const result = { model, latencyMs: durationMs, models: live?.length ?? null, attempts };
    if (failure === null) return { ...result, ok: true, problem: null };
    if (isAboutModel(failure) && model !== models.at(-1)) continue;
    return { ...result, ok: false, problem: await describe(failure, endpoint, model, live) };
  }
  // Nothing to call, and the reason is what is wrong with the list, where the vendor has one.
  const nothing = new ModelError(
    'model',
    'There is no model to call: neither the price list nor the vendor names one.',
  );
  const why = failed && endpoint.modelsUrl !== null ? failed : nothing;
  const hint = why === nothing ? 'Name a model that the key can call.' : hintOf(why.kind, endpoint, 'it');
  const problem = { kind: why.kind, message: why.message, hint };
  return { ok: false, model: null, latencyMs: null, problem, models: live?.length ?? null, attempts };
}

/** Many have no list; what is wrong with the key or the address shows in the call then. */
async function list(
  endpoint: Endpoint,
): Promise<{ live: readonly LiveModel[] | null; failed: ModelError | null }> {
  try {
    return { live: await listLiveModels(endpoint), failed: null };
  } catch (error) {
    if (error instanceof ModelError) return { live: null, failed: error };
    throw error;
  }
}

async function modelsToTry(
  { provider }: Endpoint,
  live: readonly LiveModel[] | null,
): Promise<readonly string[]> {
  const usual = findVendor(provider)?.defaultModel;
  const preset =
    usual &&
    (!live ||
      isAmong(
        live.map(({ id }) => id),
        usual,
      ))
      ? usual
      : undefined;
  const chat = (live ?? []).map(({ id }) => id).filter((id) => !otherPurposes.test(id));
  const priced: { id: string; price: number }[] = [];
  for (const id of chat.slice(0, MAX_MODELS_PRICED)) {
    const price = await priceOf(provider, id);
    // A free one would answer for an account without credit too.
    if (price && Number(price.output) > 0)
      priced.push({ id, price: Number(price.input) + Number(price.output) });
  }
  const cheapest = priced.sort((a, b) => a.price - b.price)[0]?.id;
  const wanted = [cheapest, preset, cheapest ? undefined : chat[0]].filter((id) => id !== undefined);
  return [...new Set(wanted)].slice(0, MAX_MODELS_TRIED);
}

/** Models that are listed among the others and take no conversation. */
const otherPurposes =
  /embed|rerank|moderation|guard|whisper|transcri|tts|speech|audio|realtime|live|image|imagen|dall-e|video|veo|sora|ocr|instruct-0914|babbage|davinci|computer-use|deep-research/i;

/** @returns what went wrong, or null. The attempt is added to `attempts`. */
async function call(
  endpoint: Endpoint,
  model: string,
  { credentialId, protocols, signal }: Pick<ProbeOptions, 'credentialId' | 'protocols' | 'signal'>,
  attempts: AttemptRecord[],
): Promise<ModelError | null> {
  // One of its own: what is known of the key's health must not keep the test from trying it.
  const router = createRouter({ protocols });
  const { provider } = endpoint;
  const request = {
    targets: [{ provider, model, candidates: [{ credentialId, endpoint }] }],
    maxAttempts: 1,
    deadlineSeconds: LIMIT_SECONDS,
    call: {
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'Say ok.' }] }],
      maxOutputTokens: MAX_OUTPUT_TOKENS,
    },
  };
  for await (const event of router.stream(request, signal)) {
    if (event.type === 'attempt') attempts.push(event.attempt);
    // A few tokens may be no more than thinking: the key works all the same.
    if (event.type === 'error') return event.error.kind === 'empty' ? null : event.error;
  }
  return null;
}

const isAboutModel = ({ kind, status }: ModelError) =>
  (kind === 'model' || kind === 'request') && !(status && status >= 300 && status < 400);

async function describe(
  error: ModelError,
  endpoint: Endpoint,
  model: string,
  live: readonly LiveModel[] | null,
): Promise<NonNullable<ProbeResult['problem']>> {
  const { kind, message } = error;
  if (kind !== 'model' || live === null) return { kind, message, hint: hintOf(kind, endpoint, model) };
  const check = await checkModel(endpoint, model);
  const near = check.known === false && check.suggestions.length > 0 ? check.suggestions : null;
  const hint = near ? `Its list has ${near.join(', ')}.` : 'Name one of the models that its list has.';
  return { kind, message, hint };
}

function hintOf(kind: ModelErrorKind, { provider, baseUrl }: Endpoint, model: string): string {
  const vendor = findVendor(provider);
  const name = vendor?.name ?? provider;
  const address = `the base URL, which is ${baseUrl}`;
  switch (kind) {
    case 'auth':
      return `Check that the key was copied whole, is one of ${name} and may call ${model}.${vendor?.docs ? ` ${vendor.docs}` : ''}`;
    case 'billing':
      return `Pay or top up the account at ${name}, then test again.`;
    case 'quota':
      return `Wait until the plan's limit is reset, or raise it at ${name}.`;
    case 'rate':
    case 'overload':
      return 'The vendor knows the key. Test again in a moment.';
    case 'network':
      return `Check ${address}, and that this server can reach it.`;
    case 'timeout':
    case 'truncated':
    case 'server':
      return `Check ${address}. If it is right, the trouble is the vendor's: test again later.`;
    case 'model':
    case 'request':
      return `Check ${address}, and that ${model} is a model to chat with.`;
    case 'context':
    case 'content':
    case 'empty':
    case 'malformed':
      return 'Test it with another model.';
    case 'aborted':
      return 'Test it again.';
  }
}
