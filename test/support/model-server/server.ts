/**
 * A local stand-in for model vendors: chat completions, responses and Anthropic messages over real HTTP. It checks what it is
 * sent as strictly as the vendors do, echoes the user's last text unless told otherwise, and can fail in every way
 * that a vendor fails.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  anthropicError,
  anthropicFrames,
  anthropicWhole,
  readAnthropic,
  refuseAnthropic,
} from './anthropic-messages.ts';
import { openAiError, openAiFrames, openAiWhole, readOpenAi, refuseOpenAi } from './openai-chat.ts';
import {
  readResponses,
  refuseResponses,
  responsesErrorFrame,
  responsesFrames,
  responsesWhole,
} from './openai-responses.ts';
import { type Quirk, quirks } from './quirks.ts';
import type { RecordedRequest, Script, ServerWire, Step } from './script.ts';

export interface ModelServer {
  /** `http://127.0.0.1:<port>`, the base URL of the Anthropic wire. */
  url: string;
  /** `<url>/v1`, the base URL of the OpenAI wires. */
  openaiUrl: string;
  /** What came in, in order, refused requests included. */
  requests: RecordedRequest[];
  /** Replaces the script; without one the server echoes. */
  script(script?: Script): void;
  /** Vendors' rules to insist on, beyond the wire's. */
  insistOn(...quirks: Quirk[]): void;
  /** How many connections were opened so far. */
  connections(): number;
  /** Forgets requests, script and quirks. */
  reset(): void;
  close(): Promise<void>;
}

export interface ModelServerOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Keys that are accepted. Default: any. */
  keys?: readonly string[];
  /** Keep what came in. Default true; a benchmark turns it off. */
  record?: boolean;
}

const bearer = (headers: IncomingMessage['headers']) => headers.authorization?.replace(/^Bearer /, '');

const wires = {
  'openai-chat': {
    refuse: refuseOpenAi,
    read: readOpenAi,
    frames: openAiFrames,
    whole: openAiWhole,
    error: openAiError,
    key: bearer,
    errorFrame: (step: Step) => `data: ${JSON.stringify(openAiError(step))}\n\n`,
    brokenFrame: 'data: {"choices":[{"delta":{"cont\n\n',
  },
  'openai-responses': {
    refuse: refuseResponses,
    read: readResponses,
    frames: responsesFrames,
    whole: responsesWhole,
    error: openAiError,
    key: bearer,
    errorFrame: responsesErrorFrame,
    brokenFrame: 'event: response.output_text.delta\ndata: {"type":"response.outp\n\n',
  },
  'anthropic-messages': {
    refuse: refuseAnthropic,
    read: readAnthropic,
    frames: anthropicFrames,
    whole: anthropicWhole,
    error: anthropicError,
    key: (headers: IncomingMessage['headers']) =>
      (headers['x-api-key'] as string | undefined) ?? bearer(headers),
    errorFrame: (step: Step) =>
      `event: error\ndata: ${JSON.stringify(anthropicError({ status: 529, ...step }))}\n\n`,
    brokenFrame: 'event: content_block_delta\ndata: {"type":"content_blo\n\n',
  },
} as const;

const paths: Record<string, ServerWire> = {
  '/v1/chat/completions': 'openai-chat',
  '/v1/responses': 'openai-responses',
  '/v1/messages': 'anthropic-messages',
};

const html = '<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works!</body></html>';

export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const { keys, record = true } = options;
  const requests: RecordedRequest[] = [];
  let script: Script | undefined;
  let used = 0;
  let insistedOn: readonly Quirk[] = [];

  function nextStep(request: RecordedRequest): Step {
    const scripted = typeof script === 'function' ? script(request, used) : script?.[used];
    used++;
    return scripted ?? { text: request.userText === '' ? 'ok' : request.userText };
  }

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '/').split('?')[0]!;
    if (req.method === 'GET' && path === '/v1/models') {
      return sendJson(res, 200, {
        object: 'list',
        data: [{ id: 'test-model', object: 'model', owned_by: 'test' }],
      });
    }
    const name = paths[path];
    if (!name || req.method !== 'POST') {
      return sendJson(
        res,
        404,
        openAiError({ status: 404, message: `Unknown request URL: ${req.method} ${path}.` }),
      );
    }
    const wire = wires[name];
    const text = await readBody(req);
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return sendJson(res, 400, wire.error({ status: 400, message: 'The body is not valid JSON.' }));
    }
    const done = Promise.withResolvers<void>();
    const request: RecordedRequest = {
      wire: name,
      path,
      headers: req.headers as Record<string, string | undefined>,
      body,
      ...wire.read(body),
      refused: null,
      closedEarly: false,
      finished: done.promise,
    };
    if (record) requests.push(request);
    res.once('close', () => {
      if (!res.writableFinished && !res.destroyedByServer) request.closedEarly = true;
      done.resolve();
    });

    const key = wire.key(req.headers);
    if (keys ? !key || !keys.includes(key) : key === '') {
      // Vendors echo the key, masked or not: ours does not mask it.
      const message = `Incorrect API key provided: ${key}. You can find your API key in your account.`;
      return sendJson(
        res,
        401,
        wire.error({ status: 401, message, errorType: 'authentication_error', code: 'invalid_api_key' }),
      );
    }
    request.refused = refuseHeaders(name, req) ?? wire.refuse(body) ?? refuseByQuirk(request);
    if (request.refused !== null) {
      const refusal: Step = { status: 400, message: request.refused, errorType: 'invalid_request_error' };
      return sendJson(res, 400, wire.error(refusal));
    }
    await play(nextStep(request), request, res);
  }

  function refuseByQuirk({ body, headers }: RecordedRequest): string | null {
    for (const quirk of insistedOn) {
      const refused = quirks[quirk](body, headers);
      if (refused !== null) return refused;
    }
    return null;
  }

  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => {
      // A script that throws, or a client that is gone.
      if (!res.headersSent) sendJson(res, 500, { error: { message: `model server: ${String(error)}` } });
      else res.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  let connections = 0;
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    openaiUrl: `${url}/v1`,
    requests,
    connections: () => connections,
    script(next) {
      script = next;
      used = 0;
    },
    insistOn(...names) {
      insistedOn = names;
    },
    reset() {
      insistedOn = [];
      requests.length = 0;
      script = undefined;
      used = 0;
    },
    close() {
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

declare module 'node:http' {
  interface ServerResponse {
    /** The script cut the connection, not the client. */
    destroyedByServer?: boolean;
  }
}

function refuseHeaders(name: ServerWire, req: IncomingMessage): string | null {
  if (!req.headers['content-type']?.startsWith('application/json'))
    return 'Content-Type must be application/json.';
  if (name === 'anthropic-messages' && !req.headers['anthropic-version'])
    return 'anthropic-version: header is required';
  return null;
}

async function play(step: Step, request: RecordedRequest, res: ServerResponse): Promise<void> {
  const wire = wires[request.wire];
  if (step.fault === 'hang') return;
  await step.after;
  if (step.delayMs) await delay(step.delayMs);
  if (step.fault === 'html')
    return send(res, step.status ?? 200, 'text/html; charset=utf-8', html, step.headers);
  if (step.body !== undefined) {
    return send(res, step.status ?? 200, 'application/json', step.body, step.headers);
  }
  if (step.status !== undefined && step.status >= 300) {
    return send(res, step.status, 'application/json', JSON.stringify(wire.error(step)), step.headers);
  }
  if (request.body.stream !== true) return sendJson(res, 200, wire.whole(step, request));

  res.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...step.headers,
  });
  const { frames, first } = wire.frames(step, request);
  if (step.truncate) {
    const bytes = Buffer.from(frames.join('')).subarray(0, step.truncate.bytes);
    return step.truncate.how === 'end' ? void res.end(bytes) : cut(res, bytes);
  }
  if (step.writeBytes) {
    const bytes = Buffer.from(frames.join(''));
    for (let at = 0; at < bytes.length; at += step.writeBytes) {
      res.write(bytes.subarray(at, at + step.writeBytes));
      // Let the write go out on its own.
      await new Promise(setImmediate);
    }
    return void res.end();
  }
  const slow = step.firstTokenMs || step.chunkMs;
  if (!slow && (step.fault === undefined || step.fault === 'no-finish')) return void res.end(frames.join(''));

  if (step.firstTokenMs) {
    res.flushHeaders();
    await delay(step.firstTokenMs);
  }
  const before = frames.slice(0, first).join('');
  switch (step.fault) {
    case 'hang-after':
      return void res.write(before);
    case 'cut':
      return cut(res, Buffer.from(before));
    case 'error':
      return void res.end(before + wire.errorFrame(step));
    case 'invalid-json':
      return void res.end(before + wire.brokenFrame);
  }
  for (const frame of frames) {
    if (res.destroyed) return;
    res.write(frame);
    if (step.chunkMs) await delay(step.chunkMs);
  }
  res.end();
}

/** Sends the bytes, then destroys the socket under the answer. */
function cut(res: ServerResponse, bytes: Uint8Array): void {
  res.destroyedByServer = true;
  res.flushHeaders();
  res.write(bytes, () => setTimeout(() => res.destroy(), 5));
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  send(res, status, 'application/json', JSON.stringify(body));
}

function send(
  res: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers?: Record<string, string>,
): void {
  res.writeHead(status, { 'content-type': type, 'x-request-id': 'req_test_1', ...headers });
  res.end(body);
}

function readBody(req: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () =>
      resolve(chunks.length === 1 ? chunks[0]!.toString() : Buffer.concat(chunks).toString()),
    );
    req.on('error', reject);
  });
}
