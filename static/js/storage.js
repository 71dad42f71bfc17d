/** What the browser keeps of a person's choices, where it keeps anything. */

/** @param {string} key */
export function load(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function save(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Where storing is forbidden it is chosen for this time.
  }
}
