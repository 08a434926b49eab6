/** A small HTTP client, since it shares the processors with what it measures: `fetch` costs several times as much. */
import { Agent, request } from 'node:http';

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  body: any;
}

export interface Client {
  get(path: string): Promise<Answer>;
  /** A string is sent as it is. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  patch(path: string, body: unknown): Promise<Answer>;
  close(): void;
}

const timeoutMs = 60_000;

/** More sockets at once would overflow the server's accept queue, and measure the kernel. */
const maxSockets = 256;

/** Connections are kept and used again; calls beyond their number wait. `key` is an API key. */
export function createClient(baseUrl: string, key?: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets });
  const headers = { ...(key && { authorization: `Bearer ${key}` }) };

  function send(method: string, path: string, body?: string, more?: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const content = body === undefined ? {} : { 'content-type': 'application/json' };
      const outgoing = request(baseUrl + path, {
        method,
        agent,
        headers: { ...headers, ...content, ...more },
      });
      outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`No answer to ${method} ${path}.`)));
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode!, body: parse(text) }));
      });
      outgoing.end(body);
    });
  }

  return {
    get: (path) => send('GET', path),
    post: (path, body, more) =>
      send('POST', path, typeof body === 'string' ? body : JSON.stringify(body), more),
    patch: (path, body) => send('PATCH', path, JSON.stringify(body)),
    close: () => agent.destroy(),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The answer's body. @throws when the status is another than `expected` */
export function expectStatus(answer: Answer, expected: number): Answer['body'] {
  if (answer.status === expected) return answer.body;
  throw new Error(
    `The server answered ${answer.status} instead of ${expected}: ${JSON.stringify(answer.body)}`,
  );
}
