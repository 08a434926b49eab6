/** What outlives a page. Browsers may forbid it; then it is as if nothing had been kept. */

/**
 * @param {'localStorage' | 'sessionStorage'} area for all tabs, or for this one
 * @param {string} name
 */
export function createStore(area, name) {
  const key = `nightshift-chat:${name}`;
  return {
    /** @returns {string | null} */
    read() {
      try {
        return window[area].getItem(key);
      } catch {
        return null;
      }
    },
    /** @param {string | null} value */
    write(value) {
      try {
        if (value === null) window[area].removeItem(key);
        else window[area].setItem(key, value);
      } catch {
        // Full, or forbidden: this page goes on without.
      }
    },
  };
}
