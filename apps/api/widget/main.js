import { startChat } from './chat.js';
import { wordsOf } from './words.js';

/** The script tag says which chat; where it was loaded from says which server. */
const script = /** @type {HTMLScriptElement} */ (document.currentScript);
const key = script.dataset.channel ?? '';

function begin() {
  // Pages that change without being loaded anew may bring the tag again.
  if (document.querySelector(`nightshift-chat[data-key="${CSS.escape(key)}"]`)) return;
  const host = document.createElement('nightshift-chat');
  host.dataset.key = key;
  // Rules of the page for everything would reach the element itself.
  host.style.setProperty('all', 'initial', 'important');
  document.body.append(host);
  const language = document.documentElement.lang || navigator.language;
  startChat({
    host,
    base: new URL('.', script.src).href,
    key,
    userToken: script.dataset.userToken,
    say: wordsOf(language),
  }).catch((error) => {
    host.remove();
    // biome-ignore lint/suspicious/noConsole: whoever pastes the tag into a page has no other place to hear of it
    console.warn(`The chat cannot be shown here: ${error.message}`);
  });
}

if (document.body) begin();
else addEventListener('DOMContentLoaded', begin);
