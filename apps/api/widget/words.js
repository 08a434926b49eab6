/** What the widget says, in the language of the page. */

/** @typedef {keyof typeof english} Word */

const english = {
  open: 'Open chat',
  close: 'Close chat',
  placeholder: 'Write a message…',
  send: 'Send',
  attach: 'Attach files',
  remove: 'Remove',
  you: 'You',
  typing: 'Writing…',
  connecting: 'Connecting…',
  offline: 'No connection. What you write is sent when it is back.',
  wait: 'That was a lot at once. Please wait {n} s.',
  refused: 'This page could not sign you in to the chat. Please reload it.',
  failed: 'Not sent.',
  tooLong: '{n} characters too many',
  tooLarge: 'Up to 5 files, 4 MB together.',
  earlier: 'Earlier messages',
  newest: 'To the newest message',
  copy: 'Copy',
  copied: 'Copied',
  unread: '{n} unread',
};

/** @type {Record<string, Record<Word, string>>} */
const languages = {
  en: english,
  de: {
    open: 'Chat öffnen',
    close: 'Chat schließen',
    placeholder: 'Nachricht schreiben …',
    send: 'Senden',
    attach: 'Dateien anhängen',
    remove: 'Entfernen',
    you: 'Sie',
    typing: 'Schreibt …',
    connecting: 'Verbindung wird aufgebaut …',
    offline: 'Keine Verbindung. Was Sie schreiben, wird gesendet, sobald sie wieder da ist.',
    wait: 'Das war viel auf einmal. Bitte warten Sie {n} s.',
    refused: 'Diese Seite konnte Sie nicht im Chat anmelden. Bitte laden Sie sie neu.',
    failed: 'Nicht gesendet.',
    tooLong: '{n} Zeichen zu viel',
    tooLarge: 'Höchstens 5 Dateien, zusammen 4 MB.',
    earlier: 'Frühere Nachrichten',
    newest: 'Zur neuesten Nachricht',
    copy: 'Kopieren',
    copied: 'Kopiert',
    unread: '{n} ungelesen',
  },
};

/**
 * @param {string} language as the page has it: `de-AT`
 * @returns {(word: Word, n?: number) => string}
 */
export function wordsOf(language) {
  const words = languages[language.slice(0, 2).toLowerCase()] ?? english;
  return (word, n) => words[word].replace('{n}', String(n));
}
