/** SDK clients, kept per endpoint and what goes into its headers, because making one costs more than using one. */
import type { Endpoint } from './provider.ts';

const MAX_CLIENTS = 64;

/** The least recently used client goes first; a key that was changed or deleted goes with it. */
export function createClientCache<Client>(make: (endpoint: Endpoint) => Promise<Client>) {
  const clients = new Map<string, Promise<Client>>();
  return function clientFor(endpoint: Endpoint): Promise<Client> {
    const { baseUrl, apiKey, compat } = endpoint;
    const key = [baseUrl, apiKey ?? '', compat.xApiKey ?? '', compat.anthropicVersion ?? ''].join('\n');
    let client = clients.get(key);
    if (client) clients.delete(key);
    else {
      client = make(endpoint);
      client.catch(() => clients.delete(key));
      if (clients.size >= MAX_CLIENTS) clients.delete(clients.keys().next().value as string);
    }
    clients.set(key, client);
    return client;
  };
}
