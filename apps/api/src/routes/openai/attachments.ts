/** Images, documents and sounds of a request: what is brought in base64, and images that are to be fetched. */
import { isUtf8 } from 'node:buffer';
import { problemOfAttachment } from '@nightshift/agent';
import {
  type AttachmentPart,
  cutText,
  FetchFailure,
  maxOpenaiAttachments,
  maxOpenaiBodyBytes,
} from '@nightshift/contracts';
import { newId } from '@nightshift/core/database';
import { invalidField } from '@nightshift/core/errors';
import type { GuardedFetch } from '@nightshift/core/guarded-fetch';
import type { BroughtFile } from '@nightshift/core/inbox';

/** How long all images of a request may take to be fetched, in milliseconds. */
const fetchMs = 10_000;
const maxNameLength = 200;

type Announced = { id: string; name: string; path: string } & (
  | { mediaType: string; data: Buffer }
  | { url: string }
);

/** The attachments of one request, in the order in which its messages name them. */
export class Attachments {
  readonly #announced: Announced[] = [];

  /** @param path of the field, for errors. @throws {DomainError} invalid_request */
  addImage(url: unknown, path: string): AttachmentPart {
    if (typeof url !== 'string') throw invalidField(path, 'must be a URL');
    if (url.startsWith('data:')) return this.#addData(url, 'image', path, /^image\//);
    if (!/^https?:\/\//i.test(url) || url.length > 4_000)
      throw invalidField(path, 'must be a data: URL, or one of http or https with at most 4000 characters');
    return this.#add({ id: newId(), name: 'image', path, url }, 'image/*');
  }

  /** `data`: a data: URL, or base64 alone. @throws {DomainError} invalid_request */
  addFile(data: unknown, filename: unknown, path: string): AttachmentPart {
    if (typeof data !== 'string' || data === '') throw invalidField(path, 'must be base64 or a data: URL');
    const name = typeof filename === 'string' && filename !== '' ? cutText(filename, maxNameLength) : 'file';
    if (data.startsWith('data:')) return this.#addData(data, name, path, /./);
    // JVBERi: "%PDF-" in base64.
    const mediaType = data.startsWith('JVBERi') ? 'application/pdf' : 'text/plain';
    return this.#addBytes(mediaType, data, name, path);
  }

  /** @throws {DomainError} invalid_request */
  addAudio(data: unknown, format: unknown, path: string): AttachmentPart {
    const mediaType = { wav: 'audio/wav', mp3: 'audio/mpeg' }[String(format)];
    if (!mediaType) throw invalidField(`${path}.format`, 'must be wav or mp3');
    if (typeof data !== 'string') throw invalidField(`${path}.data`, 'must be base64');
    return this.#addBytes(mediaType, data, `audio.${format}`, `${path}.data`);
  }

  /** One that is stored already, of an earlier answer. */
  addStored({ name, mediaType, data }: Omit<BroughtFile, 'id'>): AttachmentPart {
    return this.#add({ id: newId(), name, path: 'previous_response_id', mediaType, data }, mediaType);
  }

  #addData(url: string, name: string, path: string, types: RegExp): AttachmentPart {
    const comma = url.slice(0, 200).indexOf(',');
    const head = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w=.-]+)*;base64$/.exec(url.slice(0, Math.max(0, comma)));
    const mediaType = head?.[1]?.toLowerCase();
    if (!mediaType || !types.test(mediaType))
      throw invalidField(path, 'must be a data: URL in base64 with a fitting media type');
    return this.#addBytes(mediaType, url.slice(comma + 1), name, path);
  }

  #addBytes(mediaType: string, base64: string, name: string, path: string): AttachmentPart {
    // What it will be is known before it is.
    const problem = problemOfAttachment(mediaType, Math.floor((base64.length * 3) / 4) - 2);
    if (problem) throw invalidField(path, problem);
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64) || base64 === '') throw invalidField(path, 'is no base64');
    const data = Buffer.from(base64, 'base64');
    assertIs(mediaType, data, path);
    return this.#add({ id: newId(), name, path, mediaType, data }, mediaType);
  }

  #add(file: Announced, mediaType: string): AttachmentPart {
    if (this.#announced.length >= maxOpenaiAttachments)
      throw invalidField(file.path, `a request has at most ${maxOpenaiAttachments} images and files`);
    this.#announced.push(file);
    return { type: 'attachment', fileId: file.id, name: file.name, mediaType };
  }

  /** All with their bytes. @throws {DomainError} invalid_request: an image cannot be had, or all together are too large */
  async load({ fetch }: Pick<GuardedFetch, 'fetch'>, stop: AbortSignal): Promise<BroughtFile[]> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(fetchMs)]);
    const files: BroughtFile[] = [];
    let bytes = 0;
    // One after the other, so that no more is held than one request may bring.
    for (const file of this.#announced) {
      const { id, name, path } = file;
      const read = 'url' in file ? await fetchImage(fetch, file.url, path, signal) : file;
      bytes += read.data.length;
      if (bytes > maxOpenaiBodyBytes)
        throw invalidField(path, 'the images and files of this request are too large');
      files.push({ id, name, mediaType: read.mediaType, data: read.data });
    }
    return files;
  }
}

async function fetchImage(fetch: GuardedFetch['fetch'], url: string, path: string, signal: AbortSignal) {
  try {
    const response = await fetch(url, { headers: { accept: 'image/*' }, signal });
    if (!response.ok)
      throw invalidField(path, `could not be fetched: its server answered ${response.status}`);
    const data = Buffer.from(await response.arrayBuffer());
    const mediaType = typeOfImage(data);
    if (!mediaType) throw invalidField(path, 'is no PNG, JPEG, GIF or WebP image');
    const problem = problemOfAttachment(mediaType, data.length);
    if (problem) throw invalidField(path, problem);
    return { mediaType, data };
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    throw invalidField(path, `could not be fetched: ${error.message}`);
  }
}

function typeOfImage(data: Buffer): string | null {
  const head = data.toString('latin1', 0, 12);
  if (head.startsWith('\x89PNG')) return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (head.startsWith('GIF8')) return 'image/gif';
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'image/webp';
  return null;
}

function isOf(mediaType: string, data: Buffer): boolean {
  if (mediaType.startsWith('image/')) return typeOfImage(data) === mediaType;
  if (mediaType === 'application/pdf') return data.subarray(0, 1024).includes('%PDF-');
  return mediaType.startsWith('audio/') || isUtf8(data);
}

/** Vendors refuse a whole request for one part that is not what it says. */
function assertIs(mediaType: string, data: Buffer, path: string): void {
  if (!isOf(mediaType, data)) throw invalidField(path, `is not ${mediaType}`);
}
