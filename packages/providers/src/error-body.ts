/** Reads what vendors, gateways and proxies put into the body of an error. */

export interface ErrorBody {
  /** The HTTP status that the body names. */
  status?: number;
  /**
   * The vendor's `code` and `type`, lower case, in one string: which of them holds the name differs by
   * vendor.
   */
  names: string;
  /** For people. Empty: it says nothing. */
  message: string;
  /** The body is of a form that only errors have. */
  isError: boolean;
  /** What the model wrote, where the vendor could not read a tool call in it. */
  failedGeneration?: string;
}

type Loose = Record<string, unknown>;

/** Of any one text, in characters: rules are matched against it. */
const MAX_TEXT = 8_000;
/** Errors inside errors that are read: a gateway's has the vendor's in it, as an object or as text. */
const MAX_DEPTH = 4;
const MAX_LISTED = 5;

/**
 * Shapes: `{error: {message, type, code}}` (OpenAI, Anthropic, most) · `[{error}]` (Gemini) · `{message}`
 * (Mistral, Cohere) · `{Message}`, `{__type}` and XML (AWS) · `{detail}`, also as a list (FastAPI) · `{error:
 * "text"}` (Ollama, TGI) · `{errors: […]}` (Cloudflare) · `{title, detail}` (RFC 9457) · `{error,
 * error_description}` (OAuth) · `{msg}`, `{error_msg}`, `{base_resp: {status_code, status_msg}}` (Chinese
 * vendors, MiniMax) · `{fault}` (Apigee) · OpenRouter's `metadata.raw` and `metadata.provider_name`, https://openrouter.ai/docs/api-reference/errors
 *
 * @param body parsed JSON, or the text that is none
 */
export function readErrorBody(body: unknown, headers?: Headers): ErrorBody {
  const read = readValue(body, 0);
  const name = headers?.get('x-amzn-errortype');
  return {
    ...read,
    names: [read.names, name?.slice(0, 200)].filter(Boolean).join(' ').toLowerCase(),
    message: read.message.trim(),
  };
}

const nothing: ErrorBody = { names: '', message: '', isError: false };

function readValue(value: unknown, depth: number): ErrorBody {
  if (depth > MAX_DEPTH || value === null || value === undefined) return nothing;
  if (typeof value === 'string') return readText(value, depth);
  if (Array.isArray(value)) return readList(value, depth);
  return typeof value === 'object' ? readObject(value as Loose, depth) : nothing;
}

/** Text may be JSON, or XML. */
function readText(text: string, depth: number): ErrorBody {
  const cut = text.slice(0, MAX_TEXT);
  const start = cut.trimStart();
  if (start.startsWith('{') || start.startsWith('[{')) {
    const inner = parseJson(text);
    const read = inner === undefined ? nothing : readValue(inner, depth + 1);
    if (read.message !== '') return read;
  }
  if (start.startsWith('<') && start.includes('<Message>')) {
    const names = elementOf(cut, 'Code').toLowerCase();
    return { names, message: elementOf(cut, 'Message'), isError: true };
  }
  return { ...nothing, message: cut };
}

function elementOf(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`);
  const end = start === -1 ? -1 : xml.indexOf(`</${name}>`, start);
  return end === -1 ? '' : xml.slice(start + name.length + 2, end);
}

function readList(list: readonly unknown[], depth: number): ErrorBody {
  const all = list.slice(0, MAX_LISTED).map((item) => readValue(item, depth + 1));
  return {
    ...all.find(({ status }) => status !== undefined),
    names: all.map(({ names }) => names).join(' '),
    message: all
      .map(({ message }) => message)
      .filter((message) => message !== '')
      .join('; '),
    isError: all.some(({ isError }) => isError),
  };
}

function readObject(body: Loose, depth: number): ErrorBody {
  const base = isObject(body.base_resp) ? body.base_resp : undefined;
  const own = textOf(
    body.message,
    body.Message,
    body.error_description,
    body.detail,
    body.msg,
    body.error_msg,
    body.errorMessage,
    body.faultstring,
    base?.status_msg,
    body.reason,
    body.title,
  );
  // FastAPI says where in the request it is.
  const place = Array.isArray(body.loc) && body.loc.length < 20 ? `${body.loc.join('.')}: ` : '';
  // The message itself may be another error's JSON.
  const message = own === undefined ? nothing : readText(own, depth);
  const inner = [body.error, body.errors, body.detail, body.fault, body.message]
    .filter((value) => value !== own)
    .map((value) => readValue(value, depth + 1))
    .find((read) => read.message !== '' || read.names !== '' || read.status !== undefined);
  const metadata = isObject(body.metadata) ? body.metadata : undefined;
  const upstream = metadata ? readUpstream(metadata, depth) : nothing;
  const code = statusOf(body.code, body.status, body.status_code, body.statusCode);
  const status = code ?? inner?.status ?? message.status;
  const generation = body.failed_generation ?? inner?.failedGeneration ?? message.failedGeneration;
  const text = [upstream.message || inner?.message || '', message.message];
  return {
    ...(status === undefined ? {} : { status }),
    names: [
      body.type,
      body.code,
      body.status,
      body.__type,
      body.errorcode,
      body.error_code,
      base?.status_code,
    ]
      .filter((name) => typeof name === 'string' || typeof name === 'number')
      .map((name) => String(name).slice(0, 200))
      .concat(message.names, inner?.names ?? '', upstream.names)
      .filter(Boolean)
      .join(' ')
      .toLowerCase(),
    message: place + joined(text, body, inner, depth),
    isError: isErrorObject(body, base) || inner?.isError === true,
    ...(typeof generation === 'string' ? { failedGeneration: generation.slice(0, MAX_TEXT) } : {}),
  };
}

/**
 * The inner cause, and what is around it where that says something else. An unknown object is shown as it is.
 */
function joined([cause, around]: string[], body: Loose, inner: ErrorBody | undefined, depth: number): string {
  if (cause && around && !around.includes(cause) && !isGeneric(around)) return `${around}: ${cause}`;
  if (cause || around) return cause || around!;
  return inner || depth > MAX_DEPTH - 1 ? '' : show(body);
}

/** OpenRouter's own words when the vendor behind it failed, and a status' name. */
const isGeneric = (text: string): boolean =>
  /^(provider returned error|(internal )?server error|bad request|error|unknown error|upstream error)\.?$/i.test(
    text.trim(),
  );

function readUpstream({ raw, provider_name: provider, remedy_hint: hint }: Loose, depth: number): ErrorBody {
  const read = readValue(raw, depth + 1);
  const name = typeof provider === 'string' ? provider.slice(0, 100) : '';
  const words = [read.message, typeof hint === 'string' ? hint.slice(0, 300) : '']
    .filter(Boolean)
    .join(' – ');
  return { ...read, message: name && words ? `${name}: ${words}` : words || name };
}

function isErrorObject(body: Loose, base: Loose | undefined): boolean {
  return (
    Boolean(body.error) ||
    body.object === 'error' ||
    body.type === 'error' ||
    (Array.isArray(body.errors) && body.errors.length > 0) ||
    (base !== undefined && typeof base.status_code === 'number' && base.status_code !== 0)
  );
}

/** Whether an event of a stream is an error, in whatever form. One that has content is none. */
export function isErrorEvent(event: unknown): boolean {
  if (!isObject(event)) return false;
  const body = event;
  if (isErrorObject(body, isObject(body.base_resp) ? body.base_resp : undefined)) return true;
  // A problem document's type is a URI, an event's is a name.
  const isEvent = typeof body.type === 'string' && !body.type.includes(':');
  const isContent = [body.choices, body.usage, body.output, body.content].some((part) => part !== undefined);
  if (isEvent || isContent) return false;
  const hasText = textOf(body.message, body.Message, body.detail, body.msg, body.error_msg) !== undefined;
  return hasText || isFilled(body.detail) || isFilled(body.fault);
}

const isFilled = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (...values: unknown[]): string | undefined =>
  values.find((value): value is string => typeof value === 'string' && value.trim() !== '');

function statusOf(...values: unknown[]): number | undefined {
  const numbers = values.map((value) =>
    typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value,
  );
  return numbers.find((value): value is number => typeof value === 'number' && value >= 400 && value < 600);
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Nested so deep that it cannot be shown: nothing. */
function show(body: Loose): string {
  try {
    const text = JSON.stringify(body);
    return text === '{}' ? '' : text.slice(0, MAX_TEXT);
  } catch {
    return '';
  }
}
