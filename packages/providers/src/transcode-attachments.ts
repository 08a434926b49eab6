/**
 * Images, files and audio as the target takes them. What it cannot take is said in words, so that the model knows that
 * something was there and a history with attachments goes to any model.
 */
import { type AudioPart, cutText, type FilePart, type ImagePart, type TextPart } from '@nightshift/contracts';
import { matches } from './model-prefixes.ts';
import type { Endpoint } from './provider.ts';

export type UserPart = TextPart | ImagePart | FilePart | AudioPart;
type Target = Pick<Endpoint, 'wire' | 'compat'> & { model: string };

/** What all vendors that see images know. */
const imageTypes = /^image\/(png|jpeg|webp|gif)$/;
const audioTypes = /^audio\/(wav|x-wav|wave|vnd\.wave|mpeg|mp3)$/;
const textTypes =
  /^(text\/.+|application\/(.+\+)?(json|xml|yaml)|application\/(x-)?(ndjson|jsonl|javascript|typescript|sh|toml|sql))$/;

/** The part itself, or text that stands for it. */
export function attachmentFor(part: Exclude<UserPart, TextPart>, target: Target): UserPart {
  const mediaType = part.mediaType.split(';')[0]!.trim().toLowerCase();
  const { wire, compat, model } = target;
  if (mediaType.startsWith('image/')) {
    if (matches(compat.textOnly, model)) return note('[An image was here. This model reads text only.]');
    if (!imageTypes.test(mediaType))
      return note(`[An image of type ${mediaType} was here. No model reads it.]`);
    return { type: 'image', mediaType, data: part.data };
  }
  if (mediaType.startsWith('audio/')) {
    const heard = wire === 'openai-chat' && audioTypes.test(mediaType) && matches(compat.audio, model);
    if (!heard) return note('[A sound recording was here. This model cannot hear it.]');
    return { type: 'audio', mediaType, data: part.data };
  }
  const name = fileName(part);
  const takesFiles = matches(compat.files, model);
  if (textTypes.test(mediaType)) {
    // Anthropic has a place for it, with a title.
    if (takesFiles && wire === 'anthropic-messages') {
      const text = textOfFile(part.data);
      if (text.trim() !== '') return { type: 'file', mediaType: 'text/plain', name, data: part.data };
    }
    return note(`[File ${name}]\n${textOfFile(part.data)}`);
  }
  if (takesFiles && mediaType === 'application/pdf')
    return { type: 'file', mediaType, name, data: part.data };
  return note(`[The file ${name} (${mediaType}) was here. This model cannot read it.]`);
}

/** The content of a file of text, in well-formed Unicode. */
export function textOfFile(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

export function dataUrl({ mediaType, data }: Pick<FilePart, 'mediaType' | 'data'>): string {
  return `data:${mediaType};base64,${data}`;
}

/** `wav` or `mp3`: how the chat-completions wire names them. */
export function audioFormat(mediaType: string): 'wav' | 'mp3' {
  return /mpeg|mp3/.test(mediaType) ? 'mp3' : 'wav';
}

function fileName(part: Exclude<UserPart, TextPart>): string {
  const name = part.type === 'file' ? part.name : '';
  const plain = name
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return cutText(plain, 200) || 'unnamed';
}

function note(text: string): TextPart {
  return { type: 'text', text };
}
