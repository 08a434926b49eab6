/** The worker's own `/healthz`, `/readyz` and `/metrics`, for orchestrators; only where `WORKER_PORT` is set. */
import { createServer } from 'node:http';
import type { Metrics } from '@nightshift/core/metrics';

export interface HealthServer {
  close(): Promise<void>;
}

export async function startHealthServer(options: {
  host: string;
  port: number;
  metrics: Metrics;
  isReady: () => Promise<boolean>;
}): Promise<HealthServer> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: string, type = 'text/plain') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (request.url === '/healthz') return answer(200, 'ok\n');
    if (request.url === '/readyz')
      return (await options.isReady()) ? answer(200, 'ready\n') : answer(503, 'not ready\n');
    if (request.url === '/metrics') {
      const { registry } = options.metrics;
      return answer(200, await registry.metrics(), registry.contentType);
    }
    return answer(404, 'not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
