/** How large a call is, before anybody has counted: for choosing a model and for reserving what it may cost. */
import type { ModelMessage, ToolSpec } from '@nightshift/contracts';
import type { ModelCall } from './provider.ts';

/** In tokens. */
export interface Estimate {
  /** Surely not less. */
  low: number;
  /** Hardly ever more. */
  high: number;
  hasImages: boolean;
}

/**
 * Bytes of UTF-8 a token. Measured with o200k_base: English 4.5, German 3.8, Russian 5.8, Chinese 2.8 to 5.3, code 2.5,
 * JSON 2.3; other vendors make up to a fifth more tokens of it. Bytes rather than characters, because that holds for
 * every script, and they are counted in no time.
 */
const BYTES = { few: 2, many: 6 };
/** Around each message and tool. */
const FRAME = { low: 2, high: 12 };
/** Vendors count 85 to some 1,600 for an image, by its size. */
const IMAGE = { low: 85, high: 1600 };
/** Base64 of a PDF says little of its text: a page is 1,500 to 3,000 tokens and may be 10 kB or 500 kB. */
const ATTACHMENT_BYTES = { few: 8, many: 1000 };

/** Of an answer, where the call sets no cap. */
export const USUAL_OUTPUT_TOKENS = 2_000;

export function estimateInput(call: Omit<ModelCall, 'model'>): Estimate {
  const count: Count = { bytes: Buffer.byteLength(call.system ?? ''), frames: 1, images: 0, attached: 0 };
  for (const tool of call.tools ?? []) {
    count.bytes += bytesOfTool(tool);
    count.frames++;
  }
  for (const message of call.messages) {
    countContent(message.content, count);
    count.frames++;
  }
  const { bytes, frames, images, attached } = count;
  return {
    low: Math.floor(
      bytes / BYTES.many + frames * FRAME.low + images * IMAGE.low + attached / ATTACHMENT_BYTES.many,
    ),
    high: Math.ceil(
      bytes / BYTES.few + frames * FRAME.high + images * IMAGE.high + attached / ATTACHMENT_BYTES.few,
    ),
    hasImages: images > 0,
  };
}

/** Runs of one character may be so long a token; no text is made of such runs. */
const MOST_BYTES = 32;

/** Tokens of an answer, by its bytes of UTF-8. `least`: fewer cannot be. `low` and `high`: as of an input. */
export const outputOf = (bytes: number): { least: number; low: number; high: number } => ({
  least: bytes === 0 ? 0 : Math.max(1, Math.floor(bytes / MOST_BYTES)),
  low: Math.floor(bytes / BYTES.many),
  high: Math.ceil(bytes / BYTES.few),
});

interface Count {
  bytes: number;
  frames: number;
  images: number;
  attached: number;
}

function countContent(content: ModelMessage['content'], count: Count): void {
  for (const part of content) {
    switch (part.type) {
      case 'text':
        count.bytes += Buffer.byteLength(part.text);
        break;
      case 'thinking':
        count.bytes += Buffer.byteLength(part.text) + (part.signature?.length ?? 0);
        break;
      case 'image':
        count.images++;
        break;
      case 'file':
      case 'audio':
        count.attached += part.data.length;
        break;
      case 'toolCall':
        count.bytes += part.name.length + Buffer.byteLength(part.invalid ?? JSON.stringify(part.arguments));
        break;
      case 'toolResult':
        count.frames++;
        countContent(part.content, count);
    }
  }
}

const toolBytes = new WeakMap<ToolSpec, number>();

/** Kept: tools are the same objects call after call. */
function bytesOfTool(tool: ToolSpec): number {
  let bytes = toolBytes.get(tool);
  if (bytes === undefined) {
    bytes = Buffer.byteLength(JSON.stringify(tool));
    toolBytes.set(tool, bytes);
  }
  return bytes;
}
