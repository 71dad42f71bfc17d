/** Attention: whether somebody can be at the desktop: the page hidden, left, woken. */

/**
 * @typedef {object} Listener
 * @property {() => void} onLeave the keyboard goes elsewhere, or the page ends
 * @property {() => void} onHide
 * @property {() => void} onShow
 * @property {() => void} onWake the machine may have slept, or changed its network
 */

/**
 * @param {import('./stage.js').Stage} stage
 * @param {Listener} listener
 */
export function watchAttention({ target, signal, isWhole }, { onLeave, onHide, onShow, onWake }) {
  const options = { signal };
  window.addEventListener('blur', onLeave, options);
  window.addEventListener('pagehide', onLeave, options);
  // The browser had kept the page as it was.
  window.addEventListener('pageshow', (event) => event.persisted && onWake(), options);
  window.addEventListener('online', onWake, options);
  document.addEventListener('visibilitychange', () => (document.hidden ? onHide() : onShow()), options);
  // Beside other elements: the keyboard may go to one of them.
  if (!isWhole) target.addEventListener('focusout', onLeave);
}
