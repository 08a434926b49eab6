/** Somebody's web page, on an origin of its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HostPage {
  /** As browsers write it. */
  readonly origin: string;
  /** What stands on the page from now on, in its body; `policy` is its Content-Security-Policy. */
  show(body: string, options?: { policy?: string; lang?: string }): void;
  close(): Promise<void>;
}

export async function startHostPage(): Promise<HostPage> {
  let html = '';
  let policy: string | undefined;
  const server = createServer((request, response) => {
    if (request.url !== '/') return response.writeHead(404).end();
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      ...(policy && { 'content-security-policy': policy }),
    });
    response.end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    show(body, { policy: wanted, lang = 'en' } = {}) {
      policy = wanted;
      html = `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title></head><body>${body}</body></html>`;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
