export { type AdapterSource, adapterSource, builtInAdapters } from './adapters.ts';
export { type CatalogChannel, type CatalogField, channelCatalog } from './catalog.ts';
export * from './channel.ts';
export { readJson, readWhole, retryAfterMs, toChannelError } from './http.ts';
export { directLineOf, type MainLine, mainLineOf } from './main-line.ts';
export type { Dialect, Rendered, TelegramEntity, TextLimit } from './markdown/render.ts';
export { type RenderedMessage, renderBeginning, renderMessage } from './render.ts';
export { assertAccepted, isAccepted, type PostAnswer, postSigned, type SignedPost } from './webhook/post.ts';
