/** PointerLock: gives the pointer to the desktop, until Esc is pressed. */

import { Motion } from './motion.js';

/**
 * @param {import('../stage.js').Stage} stage
 * @param {(message: import('../wire.js').Motion) => void} send
 * @param {import('./hands.js').Hands} hands that move it then
 * @returns {() => Promise<void>} what locks it, if the browser lets it be
 */
export function pointerLock({ root, signal }, send, hands) {
  const canvas = /** @type {HTMLCanvasElement} */ (root.getElementById('screen'));
  const request = /** @type {(options?: object) => Promise<void>} */ (canvas.requestPointerLock.bind(canvas));
  const motion = hands.motion = new Motion(send);
  document.addEventListener('pointerlockchange', () => !hands.isLocked && motion.end(), { signal });
  return async () => {
    try {
      await request({ unadjustedMovement: true });
    } catch {
      // Not every system has motion as the mouse tells it.
      await Promise.resolve(request()).catch(() => {});
    }
  };
}
