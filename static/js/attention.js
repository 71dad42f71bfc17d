/** Attention: whether somebody can be at the desktop: the page hidden, left, kept by the browser, woken. */

/**
 * @typedef {object} Listener
 * @property {() => void} onBlur the keyboard goes elsewhere
 * @property {() => void} onHide
 * @property {() => void} onShow
 * @property {() => void} onLeave the page ends, or is kept as it is
 * @property {() => void} onReturn the browser had kept the page as it was
 * @property {() => void} onWake the machine may have slept, or changed its network
 */

/**
 * @param {import('./stage.js').Stage} stage
 * @param {Listener} listener
 */
export function watchAttention({ target, signal, isWhole }, { onBlur, onHide, onShow, onLeave, onReturn, onWake }) {
  window.addEventListener('blur', onBlur, { signal });
  window.addEventListener('pagehide', onLeave, { signal });
  window.addEventListener('pageshow', (event) => event.persisted && onReturn(), { signal });
  window.addEventListener('online', onWake, { signal });
  document.addEventListener('visibilitychange', () => (document.hidden ? onHide() : onShow()), { signal });
  // Beside other elements: the keyboard may go to one of them.
  if (!isWhole) target.addEventListener('focusout', onBlur);
}
