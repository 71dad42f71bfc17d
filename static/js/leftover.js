/**
 * The picture that a page leaves behind when it is loaded anew, so that only what changes meanwhile has to be sent.
 *
 * It waits in the tab's own storage, and only from the old page's end to the new one's beginning: a desktop's pixels
 * aren't left behind on a machine that is only borrowed.
 */

import { PROTOCOL } from './wire.js';

const KEY = 'voxy-picture';

/** Pixels that a probe is wide and high: browsers that add noise do so to 20 pixels at least. */
const PROBE = 32;

/** @typedef {{protocol: number, token: string, seq: number, picture: string}} Leftover `picture` is a PNG in base64 */

/**
 * Leave what the canvas shows, exactly; nothing where it is too large for the storage, or where that is forbidden.
 * @param {HTMLCanvasElement} canvas
 * @param {{token: string, seq: number}} resume
 * @param {() => boolean} isReadExactly whether this browser tells a canvas' pixels as they are
 */
export function leave(canvas, { token, seq }, isReadExactly = probe) {
  try {
    clear();
    if (!isReadExactly()) return;
    sessionStorage.setItem(KEY, JSON.stringify({ protocol: PROTOCOL, token, seq, picture: pictureOf(canvas) }));
  } catch {
    // No storage, or no room: the next page gets the whole picture from the server.
  }
}

/**
 * What the page before left, which is then gone.
 * @returns {Promise<{token: string, seq: number, picture: string, bitmap: ImageBitmap} | null>}
 */
export async function take() {
  try {
    const { protocol, token, seq, picture } = /** @type {Leftover} */ (JSON.parse(sessionStorage.getItem(KEY) ?? ''));
    if (protocol !== PROTOCOL) return null;
    const png = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0));
    return { token, seq, picture, bitmap: await createImageBitmap(new Blob([png], { type: 'image/png' })) };
  } catch {
    return null;
  } finally {
    clear();
  }
}

/**
 * Whether a canvas shows the picture exactly. Once drawn it should; but while a page is just beginning, WebKit's canvas
 * now and then stays empty, and who goes on with that would never be right.
 * @param {HTMLCanvasElement} canvas
 * @param {string} picture
 */
export function isShown(canvas, picture) {
  return pictureOf(canvas) === picture;
}

/** @param {HTMLCanvasElement} canvas */
function pictureOf(canvas) {
  return /** @type {string} */ (canvas.toDataURL('image/png').split(',')[1]);
}

export function clear() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Where storing is forbidden there is nothing to clear.
  }
}

/** Browsers, in private windows above all, add noise to what is read from a canvas, so that nobody is known by it. */
function probe() {
  const [drawn, copied] = [0, 1].map(() => new OffscreenCanvas(PROBE, PROBE).getContext('2d', { alpha: false }));
  if (!drawn || !copied) return false;
  const colourAt = (/** @type {number} */ index) => [index & 255, index >> 2 & 255, index * 7 & 255];
  for (let index = 0; index < PROBE ** 2; index++) {
    drawn.fillStyle = `rgb(${colourAt(index).join()})`;
    drawn.fillRect(index % PROBE, Math.floor(index / PROBE), 1, 1);
  }
  copied.drawImage(drawn.canvas, 0, 0);
  const { data } = copied.getImageData(0, 0, PROBE, PROBE);
  return data.every((value, at) => at % 4 === 3 || value === colourAt(at >> 2)[at % 4]);
}
