/** Channels of a test, made over the API. */
import { createAgent, type Product } from '../api/index.ts';
import type { Program } from './program.ts';

export interface Connected {
  id: string;
  agentId: string;
  hookUrl: string;
}

/** A webhook channel to the program; the address is the app's own, whatever its public name. */
export async function connectProgram(
  product: Product,
  program: Program,
  { agent = {}, ...more }: { agent?: object; [field: string]: unknown } = {},
): Promise<Connected> {
  const agentId = await createAgent(product.owner, agent);
  const channel = await product.owner.expect(
    201,
    product.owner.post('/v1/channels', { ...program.channel, agentId, ...more }),
  );
  return { id: channel.id, agentId, hookUrl: product.url + new URL(channel.webhookUrl).pathname };
}
