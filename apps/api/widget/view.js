import { h, renderNodes } from './elements.js';
import { icon } from './icons.js';
import { applyStyle, inkOn } from './style.js';

/**
 * What the visitor sees. It knows no server: it shows what it is told, and says what the visitor does.
 *
 * @param {{ host: HTMLElement, look: import('./types.d.ts').Widget, say: ReturnType<typeof import('./words.js').wordsOf>,
 *   onOpen: () => void, onClose: () => void, onEarlier: () => void,
 *   onSend: (text: string, files: File[]) => void, onChoose: (files: File[]) => boolean }} options
 */
export function createView({ host, look, say, onOpen, onClose, onEarlier, onSend, onChoose }) {
  const shadow = host.attachShadow({ mode: 'open' });
  applyStyle(shadow);

  /** @type {File[]} */
  let files = [];
  let unread = 0;
  /** @type {import('./types.d.ts').WidgetMessage[]} */
  let shown = [];
  const narrow = matchMedia('(max-width: 480px)');

  const badge = h('span', { class: 'badge', hidden: true });
  const launcherIcon = h('span', {}, icon('chat'));
  const launcher = h(
    'button',
    {
      class: 'launcher',
      type: 'button',
      'aria-expanded': 'false',
      click: () => (isOpen() ? close() : open()),
    },
    launcherIcon,
    badge,
  );
  const more = h('button', { class: 'more', type: 'button', hidden: true, click: onEarlier }, say('earlier'));
  const greeting = h(
    'div',
    { class: 'message agent', dir: 'auto', hidden: look.greeting === '' },
    look.greeting,
  );
  // Announced as they come; drafts are not, or every word would be read out many times.
  const log = h('div', { class: 'log', role: 'log', 'aria-live': 'polite', 'aria-label': look.title });
  const unsent = h('div', { class: 'unsent' });
  const draft = h('div', { class: 'draft', hidden: true });
  const dots = h('div', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
  const written = h('div', { class: 'message agent', dir: 'auto' });
  const scroll = h(
    'div',
    { class: 'scroll', tabindex: 0, 'aria-label': look.title, role: 'region', scroll: () => showNewest() },
    h('div', { class: 'log' }, more, greeting),
    log,
    unsent,
    draft,
  );
  const newest = h(
    'button',
    { class: 'newest', type: 'button', hidden: true, 'aria-label': say('newest'), click: () => toEnd() },
    icon('down'),
  );
  const state = h('p', { class: 'state', role: 'status', hidden: true });
  const typing = h('span', { class: 'said', role: 'status' });
  const chosen = h('div', { class: 'chosen', hidden: true });
  const input = h('textarea', {
    rows: 1,
    dir: 'auto',
    placeholder: say('placeholder'),
    'aria-label': say('placeholder'),
    enterkeyhint: 'send',
    input: resized,
    keydown: typed,
  });
  const picker = h('input', {
    type: 'file',
    multiple: true,
    hidden: true,
    accept: 'image/png,image/jpeg,image/webp,image/gif,application/pdf,.txt,.csv,.md',
    change: picked,
  });
  const attach = h(
    'button',
    {
      class: 'tool',
      type: 'button',
      hidden: !look.files,
      'aria-label': say('attach'),
      click: () => picker.click(),
    },
    icon('clip'),
  );
  const send = h(
    'button',
    { class: 'send', type: 'submit', 'aria-label': say('send'), 'aria-disabled': 'true' },
    icon('send'),
  );
  const form = h('form', { submit: submitted }, picker, attach, input, send);
  const title = h('h2', { dir: 'auto' }, look.title);
  const closer = h(
    'button',
    { class: 'tool', type: 'button', 'aria-label': say('close'), click: () => close() },
    icon('close'),
  );
  const panel = h(
    'div',
    { class: 'panel', role: 'dialog', 'aria-label': look.title, hidden: true, keydown: pressed },
    h('header', {}, title, closer),
    scroll,
    h('footer', {}, newest, state, typing, chosen, form),
  );
  const root = h('div', { class: `root${look.position === 'left' ? ' left' : ''}` }, panel, launcher);
  root.dataset.theme = look.theme;
  root.style.setProperty('--accent', look.color);
  root.style.setProperty('--on-accent', inkOn(look.color));
  shadow.append(root);
  labelLauncher();

  const isOpen = () => !panel.hidden;

  function labelLauncher() {
    const label = say(panel.hidden ? 'open' : 'close');
    launcher.setAttribute('aria-label', unread > 0 ? `${label}, ${say('unread', unread)}` : label);
    launcher.setAttribute('aria-expanded', String(!panel.hidden));
    launcherIcon.replaceChildren(icon(panel.hidden ? 'chat' : 'down'));
    badge.hidden = unread === 0;
    badge.textContent = unread > 9 ? '9+' : String(unread);
  }

  function open(focus = true) {
    panel.hidden = false;
    root.classList.add('open');
    // On a phone it is all that there is.
    if (narrow.matches) panel.setAttribute('aria-modal', 'true');
    else panel.removeAttribute('aria-modal');
    unread = 0;
    labelLauncher();
    onOpen();
    toEnd();
    if (focus) input.focus();
  }

  function close() {
    panel.hidden = true;
    root.classList.remove('open');
    labelLauncher();
    onClose();
    launcher.focus();
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    // The page may have keys of its own.
    event.stopPropagation();
    if (event.key === 'Escape' && !event.isComposing) return close();
    if (event.key !== 'Tab' || !narrow.matches) return;
    const stops = [...panel.querySelectorAll('button, textarea, a[href], [tabindex="0"]')].filter(
      (element) => /** @type {HTMLElement} */ (element).offsetParent !== null,
    );
    const last = /** @type {HTMLElement} */ (stops.at(event.shiftKey ? 0 : -1));
    if (shadow.activeElement !== last) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (stops.at(event.shiftKey ? -1 : 0)).focus();
  }

  /** @param {KeyboardEvent} event */
  function typed(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submitted(event);
  }

  function resized() {
    input.style.height = 'auto';
    input.style.height = `${input.scrollHeight}px`;
    const over = input.value.trim().length - look.maxTextLength;
    isTooLong = over > 0;
    setState('input', isTooLong ? say('tooLong', over) : '', true);
    const empty = input.value.trim() === '' && files.length === 0;
    send.setAttribute('aria-disabled', String(empty || isTooLong));
  }
  let isTooLong = false;

  /** @param {Event} event */
  function submitted(event) {
    event.preventDefault();
    if (send.getAttribute('aria-disabled') === 'true') return;
    onSend(input.value.trim(), files);
    input.value = '';
    files = [];
    showChosen();
    toEnd();
  }

  function picked() {
    const wanted = [...files, ...(picker.files ?? [])];
    picker.value = '';
    if (onChoose(wanted)) files = wanted;
    showChosen();
    input.focus();
  }

  function showChosen() {
    chosen.hidden = files.length === 0;
    chosen.replaceChildren(
      ...files.map((file) =>
        h(
          'span',
          { class: 'file' },
          h('span', { dir: 'auto' }, file.name),
          h(
            'button',
            {
              type: 'button',
              'aria-label': `${say('remove')}: ${file.name}`,
              click: () => {
                files = files.filter((each) => each !== file);
                showChosen();
                input.focus();
              },
            },
            icon('close'),
          ),
        ),
      ),
    );
    resized();
  }

  const isAtEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  function toEnd() {
    scroll.scrollTop = scroll.scrollHeight;
    showNewest();
  }
  function showNewest() {
    newest.hidden = isAtEnd();
  }

  /** Whoever reads further up is left where they are. @param {() => void} change */
  function keepingEnd(change) {
    const follow = isAtEnd();
    change();
    if (follow) toEnd();
    else showNewest();
  }

  /** @param {string} text what a block of code holds */
  function copier(text) {
    if (!navigator.clipboard) return '';
    const button = h(
      'button',
      {
        type: 'button',
        click: async () => {
          const isCopied = await navigator.clipboard.writeText(text).then(
            () => true,
            // The page may not write there: the text can still be selected.
            () => false,
          );
          if (!isCopied) return;
          button.textContent = say('copied');
          setTimeout(() => {
            button.textContent = say('copy');
          }, 2_000);
        },
      },
      say('copy'),
    );
    return button;
  }
  /** @param {string} text */
  const tools = (text) => h('span', {}, copier(text));
  const noTools = () => h('span');

  /** @param {readonly { name: string }[]} list */
  const fileList = (list) =>
    list.length === 0
      ? ''
      : h(
          'div',
          { class: 'files' },
          ...list.map(({ name }) =>
            h('span', { class: 'file' }, icon('clip'), h('span', { dir: 'auto' }, name)),
          ),
        );

  /** @param {import('./types.d.ts').WidgetMessage} message */
  function bubble({ id, role, blocks, files: list, createdAt }) {
    const name = role === 'visitor' ? say('you') : look.title;
    const who = role === 'notice' ? '' : h('span', { class: 'said' }, `${name}: `);
    const at = new Date(createdAt).toLocaleString(document.documentElement.lang || undefined);
    return h(
      'div',
      { class: role === 'notice' ? 'notice' : `message ${role}`, 'data-id': id, dir: 'auto', title: at },
      who,
      renderNodes(blocks, tools),
      fileList(list),
    );
  }

  /** The more urgent one first. */
  const states = {
    input: { text: '', bad: true },
    outbox: { text: '', bad: true },
    connection: { text: '', bad: false },
  };

  /** @param {keyof typeof states} from @param {string} text @param {boolean} [bad] */
  function setState(from, text, bad = false) {
    states[from] = { text, bad };
    const first = Object.values(states).find((each) => each.text !== '');
    keepingEnd(() => {
      state.textContent = first?.text ?? '';
      state.hidden = !first;
      state.classList.toggle('bad', first?.bad ?? false);
    });
  }

  // A keyboard on the screen covers the page rather than making it smaller.
  const viewport = globalThis.visualViewport;
  viewport?.addEventListener('resize', () => {
    keepingEnd(() => root.style.setProperty('--height', `${viewport.height}px`));
  });

  return {
    open,
    setState,
    /** @returns {string | undefined} the id of the oldest message that is shown */
    oldest: () => shown[0]?.id,
    /** Messages in the order in which they were said; one that is shown already stays. @param {import('./types.d.ts').WidgetMessage[]} messages */
    add(messages) {
      const fresh = messages.filter(({ id }) => !shown.some((each) => each.id === id));
      if (fresh.length === 0) return;
      keepingEnd(() => {
        for (const message of fresh) {
          const at = shown.findLastIndex((each) => each.createdAt <= message.createdAt) + 1;
          log.insertBefore(bubble(message), log.children[at] ?? null);
          shown.splice(at, 0, message);
          unsent.querySelector(`[data-id="${CSS.escape(message.clientId ?? '')}"]`)?.remove();
          if (!isOpen() && message.role === 'agent') unread += 1;
        }
      });
      labelLauncher();
    },
    /** @param {import('./types.d.ts').WidgetMessage[]} messages */
    prepend(messages) {
      const height = scroll.scrollHeight - scroll.scrollTop;
      log.setAttribute('aria-live', 'off');
      log.prepend(...messages.map(bubble));
      shown = [...messages, ...shown];
      scroll.scrollTop = scroll.scrollHeight - height;
      setTimeout(() => log.setAttribute('aria-live', 'polite'));
    },
    clear() {
      shown = [];
      log.replaceChildren();
    },
    /** @param {boolean} older */
    setOlder(older) {
      more.hidden = !older;
      greeting.hidden = older || look.greeting === '';
    },
    /** @param {import('./types.d.ts').Unsent} message */
    addUnsent({ id, text, files: list }) {
      keepingEnd(() =>
        unsent.append(
          h(
            'div',
            { class: 'message visitor pending', 'data-id': id, dir: 'auto' },
            h('p', {}, text),
            fileList(list),
          ),
        ),
      );
    },
    /** @param {string} id */
    removeUnsent: (id) => unsent.querySelector(`[data-id="${CSS.escape(id)}"]`)?.remove(),
    /** @param {import('./types.d.ts').Unsent} message */
    failUnsent({ id, problem }) {
      keepingEnd(() =>
        unsent
          .querySelector(`[data-id="${CSS.escape(id)}"]`)
          ?.after(h('div', { class: 'problem', role: 'alert', dir: 'auto' }, `${say('failed')} ${problem}`)),
      );
    },
    /** The answer under way; null: nobody writes. @param {import('./types.d.ts').WidgetNode[] | null} blocks */
    setDraft(blocks) {
      const label = blocks === null ? '' : say('typing');
      if (typing.textContent !== label) typing.textContent = label;
      keepingEnd(() => {
        draft.hidden = blocks === null;
        if (blocks === null || blocks.length === 0) return draft.replaceChildren(dots);
        // The element stays, so that nothing flickers as it grows.
        written.replaceChildren(renderNodes(blocks, noTools));
        if (!written.isConnected) draft.replaceChildren(written);
      });
    },
  };
}
