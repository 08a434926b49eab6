import { createConnection } from './connection.js';
import { createOutbox, newId } from './outbox.js';
import { createStore } from './store.js';
import { createView } from './view.js';

/** One chat on a page: what the server says is shown, what the visitor does is sent. */

const maxFiles = 5;
const maxFileBytes = 4 * 1024 * 1024;

/** What browsers call text that they do not know. */
const typesByEnd = { txt: 'text/plain', csv: 'text/csv', md: 'text/markdown' };

/** @param {File} file @returns {Promise<import('./types.d.ts').Unsent['files'][number]>} */
async function toBase64(file) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  const end = /** @type {keyof typeof typesByEnd} */ (file.name.split('.').at(-1)?.toLowerCase());
  return {
    name: file.name.slice(-200),
    mediaType: typesByEnd[end] ?? file.type,
    data: url.slice(url.indexOf(',') + 1),
  };
}

/**
 * @param {{ host: HTMLElement, base: string, key: string, userToken: string | undefined,
 *   say: ReturnType<typeof import('./words.js').wordsOf> }} options
 */
export async function startChat({ host, base, key, userToken, say }) {
  let draftOf = '';
  const openness = createStore('sessionStorage', `${key}:open`);

  const connection = createConnection({
    base,
    key,
    userToken,
    onEvent: (event, data) => handlers[event]?.(data),
    onState(state) {
      if (state === 'offline') view.setDraft(null);
      view.setState('connection', state === 'online' ? '' : say(state), state === 'refused');
    },
  });
  const look = await connection.look();

  /** @type {Record<string, (data: any) => void>} */
  const handlers = {
    /** @param {import('./types.d.ts').WidgetEvents['history']} history */
    history({ messages, older, reset }) {
      view.setDraft(null);
      if (reset) view.clear();
      if (reset) view.setOlder(older);
      view.add(messages);
    },
    /** @param {import('./types.d.ts').WidgetMessage} message */
    message(message) {
      if (message.role === 'agent' && message.runId === draftOf) view.setDraft(null);
      view.add([message]);
    },
    /** @param {import('./types.d.ts').WidgetEvents['draft']} draft */
    draft({ runId, blocks }) {
      draftOf = runId;
      view.setDraft(blocks);
    },
    idle: () => view.setDraft(null),
  };

  const view = createView({
    host,
    look,
    say,
    onOpen() {
      openness.write('1');
      connection.start();
    },
    onClose: () => openness.write(null),
    async onEarlier() {
      const before = view.oldest();
      if (!before) return;
      const { messages, older } = await connection
        .earlier(before)
        .catch(() => ({ messages: [], older: true }));
      view.prepend(messages);
      view.setOlder(older);
    },
    onChoose(files) {
      const fits = files.length <= maxFiles && files.reduce((sum, { size }) => sum + size, 0) <= maxFileBytes;
      view.setState('outbox', fits ? '' : say('tooLarge'), true);
      return fits;
    },
    async onSend(text, files) {
      const message = { id: newId(), text, files: await Promise.all(files.map(toBase64)) };
      view.addUnsent(message);
      outbox.add(message);
    },
  });

  const outbox = createOutbox({
    key,
    say: connection.say,
    early: connection.early,
    onSent({ id }, kept) {
      if (!kept) view.removeUnsent(id);
      view.setState('outbox', '');
    },
    onFailed: (message) => view.failUnsent(message),
    onWait: (seconds) => view.setState('outbox', seconds > 0 ? say('wait', seconds) : '', true),
    onOffline: () => view.setState('outbox', say('offline')),
  });
  for (const message of outbox.waiting()) view.addUnsent(message);
  outbox.send();
  if (openness.read()) view.open(false);
}
