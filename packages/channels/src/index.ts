import type { ChannelAdapter } from './channel.ts';
import { webhook } from './webhook/webhook.ts';

export * from './channel.ts';
export {
  type Dialect,
  type Format,
  type Rendered,
  type RenderedParts,
  renderParts,
  renderPreview,
  type TelegramEntity,
  type TextLimit,
} from './markdown/render.ts';
export { assertAccepted, isAccepted, type PostAnswer, postSigned, type SignedPost } from './webhook/post.ts';
export { webhook } from './webhook/webhook.ts';

/** The adapters that the product has. */
export const channelAdapters: readonly ChannelAdapter[] = [webhook];
