export { type AdapterSource, adapterSource, builtInAdapters } from './adapters.ts';
export { type CatalogChannel, type CatalogField, channelCatalog } from './catalog.ts';
export * from './channel.ts';
export { readJson, readWhole, retryAfterMs, toChannelError } from './http.ts';
export { type Rendered, renderBeginning, renderMessage } from './render.ts';
export { splitText } from './split.ts';
export { assertAccepted, isAccepted, type PostAnswer, postSigned, type SignedPost } from './webhook/post.ts';
