import { createRouter, type Router, type RouterRequest } from '@nightshift/providers';

/** The product's router with other limits: a test cannot wait a minute for a model that hangs. */
export function routerWith(limits: Partial<RouterRequest>): Router {
  const router = createRouter();
  return { stream: (request, signal) => router.stream({ ...request, ...limits }, signal) };
}
