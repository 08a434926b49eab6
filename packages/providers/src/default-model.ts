/** Which of an endpoint's models answers where nobody has named one. */
import { listLiveModels } from './listing.ts';
import type { Endpoint } from './provider.ts';

/** Models of other trades, by how they are called: they stand in the same lists and answer no message. */
const otherTrade =
  /(^|[^a-z])(text-)?(embed(ding)?s?|bge|gte|e5|rerank(er)?|colbert|whisper|tts|stt|transcribe|moderation|guard|ocr|clip|dall-e|flux|sdxl|stable-diffusion|image)([^a-z]|$)/i;

/**
 * The first model that the endpoint lists for a chat; null where it lists none. Its list is at most five minutes old.
 * @throws {ModelError} when there is no list, or it cannot be read
 */
export async function defaultModelOf(endpoint: Endpoint): Promise<string | null> {
  const models = await listLiveModels(endpoint);
  return (models.find(({ id }) => !otherTrade.test(id)) ?? models[0])?.id ?? null;
}
