export { type AdapterSource, adapterSource, builtInAdapters } from './adapters.ts';
export { type CatalogChannel, type CatalogField, channelCatalog } from './catalog.ts';
export * from './channel.ts';
export { type FieldFormat, fieldFormats } from './formats.ts';
export { readJson, readWhole, retryAfterMs, toChannelError } from './http.ts';
export { maxInboundText } from './inbound-text.ts';
export { directLineOf, type MainLine, mainLineOf } from './main-line.ts';
export type { Dialect, Rendered, TelegramEntity, TextLimit } from './markdown/render.ts';
export { particularLimits } from './particulars.ts';
export {
  type AnswerLimit,
  answerLimitOf,
  type Cut,
  type RenderedMessage,
  renderBeginning,
  renderMessage,
} from './render.ts';
export { type UnsupportedKind, unknownKind, unsupportedKinds } from './unsupported.ts';
export { assertAccepted, isAccepted, type PostAnswer, postSigned, type SignedPost } from './webhook/post.ts';
