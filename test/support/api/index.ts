export { type Answer, type Client, createClient } from './client.ts';
export { type Product, startProduct, type Team } from './product.ts';
export { openRaw, type RawConnection, rawHead } from './raw-request.ts';
export { anonymous, documentedRoutes, type Route, registeredRoutes } from './routes.ts';
export { openEvents, openStream, readEvents, type SseEvent } from './sse.ts';
export * from './talk.ts';
