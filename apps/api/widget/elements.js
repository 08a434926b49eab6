/**
 * Elements, one by one. No text ever becomes markup here: nothing is parsed, so the widget also works where a page
 * requires Trusted Types, and whatever an answer says, it cannot run.
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | ((event: any) => void) | undefined>} [attributes] functions are listeners
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

/** What an answer may consist of; everything else of it is text. */
const tags = new Set('p h3 h4 h5 strong em s code pre blockquote ul ol li table tr th td a br hr'.split(' '));

const safeAddress = /^(?:https?:\/\/|mailto:|tel:)/i;

/** Deeper than any person writes. */
const maxDepth = 40;

/**
 * @param {readonly import('./types.d.ts').WidgetNode[]} nodes
 * @param {(text: string) => Node} tools what stands above a block of code
 * @returns {DocumentFragment}
 */
export function renderNodes(nodes, tools, depth = 0) {
  const fragment = document.createDocumentFragment();
  for (const node of nodes) {
    if (typeof node === 'string') fragment.append(node);
    else if (typeof node === 'object' && node !== null) fragment.append(renderElement(node, tools, depth));
  }
  return fragment;
}

/**
 * @param {import('./types.d.ts').WidgetElement} node
 * @param {(text: string) => Node} tools
 * @param {number} depth
 * @returns {Node}
 */
function renderElement({ tag, children = [], href, lang, start, align }, tools, depth) {
  const content = depth < maxDepth ? renderNodes(children, tools, depth + 1) : '';
  if (!tags.has(tag)) return h('span', {}, content);
  if (tag === 'pre') {
    const text = children.join('');
    const caption = h('figcaption', {}, h('span', {}, String(lang ?? '')), tools(text));
    return h('figure', { dir: 'ltr' }, caption, h('pre', { tabindex: 0 }, h('code', {}, text)));
  }
  if (tag === 'table') return h('div', { class: 'wide', tabindex: 0 }, h('table', {}, content));
  const element = h(tag, { dir: /^[phbut]/.test(tag) && tag !== 'br' ? 'auto' : undefined }, content);
  if (tag === 'a' && typeof href === 'string' && safeAddress.test(href)) {
    element.setAttribute('href', href);
    element.setAttribute('target', '_blank');
    // A page that is opened must not reach back to this one, nor learn where it was opened from.
    element.setAttribute('rel', 'noopener noreferrer nofollow ugc');
  }
  if (tag === 'ol' && Number.isSafeInteger(start)) element.setAttribute('start', String(start));
  if (align === 'left' || align === 'right' || align === 'center') element.style.textAlign = align;
  return element;
}
