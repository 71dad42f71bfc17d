/**
 * The picture that a page leaves behind when it is loaded anew, so that only what changes meanwhile has to be sent.
 *
 * It waits in the tab's own storage, and only from the old page's end to the new one's beginning.
 */

const KEY = 'voxy-picture';

/** @typedef {{token: string, seq: number, picture: string}} Leftover `picture` is a PNG in base64 */

/**
 * Leave what the canvas shows, exactly; nothing where it is too large for the storage, or that is forbidden.
 * @param {HTMLCanvasElement} canvas
 * @param {{token: string, seq: number}} resume
 */
export function leave(canvas, { token, seq }) {
  try {
    const [, picture] = /** @type {[string, string]} */ (canvas.toDataURL('image/png').split(','));
    sessionStorage.setItem(KEY, JSON.stringify({ token, seq, picture }));
  } catch {
    clear();
  }
}

/**
 * What the page before left, which is then gone.
 * @returns {Promise<{token: string, seq: number, bitmap: ImageBitmap} | null>}
 */
export async function take() {
  try {
    const { token, seq, picture } = /** @type {Leftover} */ (JSON.parse(sessionStorage.getItem(KEY) ?? ''));
    const png = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0));
    return { token, seq, bitmap: await createImageBitmap(new Blob([png], { type: 'image/png' })) };
  } catch {
    return null;
  } finally {
    clear();
  }
}

export function clear() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Where storing is forbidden there is nothing to clear.
  }
}
