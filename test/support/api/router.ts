import { createRouter, type Router, type RouterRequest } from '@nightshift/providers';

/** The product's router, less patient with some models: a test cannot wait a minute for one that hangs. */
export function routerWith(limits: Readonly<Record<string, Partial<RouterRequest>>>): Router {
  const router = createRouter();
  return {
    stream: (request, signal) =>
      router.stream({ ...request, ...limits[request.targets[0]?.model ?? ''] }, signal),
  };
}
