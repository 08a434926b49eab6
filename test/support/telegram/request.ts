/** The arguments of a call: JSON, or multipart/form-data with files. https://core.telegram.org/bots/api#making-requests */
import type { IncomingMessage } from 'node:http';
import { badRequest } from './refusal.ts';

export interface UploadedFile {
  name: string;
  data: Buffer;
}

export interface Call {
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape, checked by the methods
  args: Record<string, any>;
  files: ReadonlyMap<string, UploadedFile>;
}

export async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const type = request.headers['content-type'] ?? '';
  const boundary = /^multipart\/form-data;\s*boundary=("?)([^";]+)\1/.exec(type)?.[2];
  if (boundary) return readMultipart(body, boundary);
  if (body.length === 0) return { args: {}, files: new Map() };
  if (!type.startsWith('application/json')) throw badRequest(`unsupported content type "${type}"`);
  try {
    return { args: JSON.parse(body.toString()), files: new Map() };
  } catch {
    throw badRequest("can't parse JSON object");
  }
}

function readMultipart(body: Buffer, boundary: string): Call {
  const args: Call['args'] = {};
  const files = new Map<string, UploadedFile>();
  // Latin-1, so that offsets are those of bytes.
  const parts = body.toString('latin1').split(`--${boundary}`);
  if (parts.length < 3 || !parts.at(-1)!.startsWith('--')) throw badRequest('the form data is cut off');
  for (const part of parts.slice(1, -1)) {
    const end = part.indexOf('\r\n\r\n');
    const head = Buffer.from(part.slice(2, end), 'latin1').toString();
    const content = Buffer.from(part.slice(end + 4, -2), 'latin1');
    const name = parameterOf(head, 'name');
    if (name === undefined) throw badRequest('a part of the form data has no name');
    const filename = parameterOf(head, 'filename');
    if (filename === undefined) args[name] = content.toString();
    else files.set(name, { name: filename, data: content });
  }
  // Objects are "JSON-serialized" there.
  for (const [name, value] of Object.entries(args)) if (/^[[{]/.test(value)) args[name] = JSON.parse(value);
  return { args, files };
}

/** Quoted, or up to the next semicolon, as Telegram's own server reads it. */
const parameterOf = (head: string, name: string) => {
  const match = new RegExp(`[;\\s]${name}=(?:"([^"]*)"|([^;\\r\\n]*))`, 'i').exec(head);
  return match?.[1] ?? match?.[2];
};
