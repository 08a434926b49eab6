/** What a model is shown of the files that came with messages. */
import {
  type AttachmentPart,
  storableText,
  type ToolCallPart,
  type ToolResultPart,
  type UserMessage,
} from '@nightshift/contracts';
import type { StoredFile } from '@nightshift/core/channels';
import type { HistoryMessage } from '@nightshift/core/conversations';
import type { ClaimedRun } from '@nightshift/core/runs';

export interface AttachmentReader {
  /** The files with their bytes, fetched where nobody has yet. Those that cannot be had say why. */
  read(run: ClaimedRun, fileIds: readonly string[], signal: AbortSignal): Promise<Map<string, StoredFile>>;
}

/** A message of the history as a model can read it. */
export type ShownMessage = Omit<HistoryMessage, 'content'> & { content: ShownPart[] };

type UserPart = UserMessage['content'][number];
export type ShownPart = UserPart | ToolCallPart | ToolResultPart;

/** Without the tools of a history that a client brought along. */
export const userPartsOf = (content: readonly ShownPart[]): UserPart[] =>
  content.filter((part) => part.type !== 'toolCall' && part.type !== 'toolResult');

/** What every vendor with eyes takes. */
const imageTypes = /^image\/(png|jpeg|gif|webp)$/;
/** What OpenAI's wire takes, and no other. To a model that hears nothing it goes as a note that it was there. */
const audioTypes: Record<string, string> = {
  'audio/wav': 'audio/wav',
  'audio/x-wav': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/mpeg': 'audio/mpeg',
  'audio/mp3': 'audio/mpeg',
};
const textTypes = /^(text\/|application\/(json|xml|yaml|x-yaml|toml)\b)/;

/** Vendors refuse larger images; longer texts would be most of the conversation. */
export const maxImageBytes = 5 * 1024 * 1024;
const maxTextBytes = 200 * 1024;

/** Of a document that goes to the model as it is: with others, and in base64, a request has to stay below 32 MB. */
const maxDocumentBytes = 10 * 1024 * 1024;

const mebibytes = (bytes: number) => `${bytes / 1024 / 1024} MiB`;

/** Why a model could be shown no more of a file than its name; null: it can be. For who brings it, before it is stored. */
export function problemOfAttachment(mediaType: string, bytes: number): string | null {
  const limit = imageTypes.test(mediaType)
    ? maxImageBytes
    : mediaType === 'application/pdf' || audioTypes[mediaType] !== undefined
      ? maxDocumentBytes
      : textTypes.test(mediaType)
        ? maxTextBytes
        : null;
  if (limit === null)
    return `files of type ${mediaType} are not supported; send PNG, JPEG, GIF, WebP, PDF, WAV, MP3 or text`;
  if (bytes <= limit) return null;
  return `is larger than ${limit < 1024 * 1024 ? `${limit / 1024} KiB` : mebibytes(limit)}`;
}

/** The newest files are shown, so many of a conversation; of those before only their names. */
const maxShown = 10;

export async function showAttachments(
  reader: AttachmentReader | undefined,
  run: ClaimedRun,
  messages: readonly HistoryMessage[],
  signal: AbortSignal,
): Promise<ShownMessage[]> {
  const attached = messages.flatMap(({ content }) => content.filter((part) => part.type === 'attachment'));
  const ids = attached.slice(-maxShown).map(({ fileId }) => fileId);
  const files =
    ids.length > 0 && reader ? await reader.read(run, ids, signal) : new Map<string, StoredFile>();
  return messages.map((message) => ({
    ...message,
    content: message.content.map((part) =>
      part.type === 'attachment' ? show(part, files.get(part.fileId)) : part,
    ),
  }));
}

function show({ name, mediaType }: AttachmentPart, file: StoredFile | undefined): UserPart {
  const note = (text: string) => ({ type: 'text' as const, text: `\n[${text}]\n` });
  const label = `File ${JSON.stringify(name)}, ${file?.mediaType ?? mediaType}`;
  if (!file) return note(label);
  if (!file.data) return note(`${label}: it could not be fetched. ${file.problem ?? ''}`.trim());
  if (imageTypes.test(file.mediaType) && file.data.length <= maxImageBytes)
    return { type: 'image', mediaType: file.mediaType, data: file.data.toString('base64') };
  const audioType = audioTypes[file.mediaType];
  if (audioType !== undefined && file.data.length <= maxDocumentBytes)
    return { type: 'audio', mediaType: audioType, data: file.data.toString('base64') };
  // To a model that takes no documents it goes as a note that it was there.
  if (file.mediaType === 'application/pdf' && file.data.length <= maxDocumentBytes)
    return { type: 'file', mediaType: file.mediaType, name, data: file.data.toString('base64') };
  if (textTypes.test(file.mediaType) && file.data.length <= maxTextBytes)
    return {
      type: 'text',
      text: `\n${label}:\n<file>\n${storableText(file.data.toString('utf8'))}\n</file>\n`,
    };
  if (/^audio\//.test(file.mediaType))
    return note(
      `${label}: a recording, perhaps a voice message. You cannot hear it and there is no transcript. If what was said matters, ` +
        'say that you cannot listen to it, and ask for it as text',
    );
  return note(`${label}, ${file.data.length} bytes: it cannot be shown to you`);
}
