/** Where the remote screen goes in the window. Pure. */

/** A picture that can be shown sharp by showing it this much smaller is shown sharp. */
const LEAST_SHARPENING = 0.9;

/** @typedef {{width: number, height: number}} Size */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect in remote pixels */
/** @typedef {'follow' | 'fit' | 'actual'} Mode follow is like fit here: it is the desktop that changes */
/** @typedef {{left: number, top: number, width: number, height: number}} Box in CSS pixels */
/** @typedef {{clip: Box, canvas: Box, isSharp: boolean}} Placement the canvas' place is within the clip */

/**
 * Device pixels to a remote pixel. What fits is never larger than one remote pixel to one CSS pixel; a screen as large
 * as the window in device pixels is mapped one to one.
 * @param {Size} shown the part of the remote screen that is shown, in remote pixels
 * @param {Size} win in CSS pixels
 * @param {number} ratio device pixels to a CSS pixel
 * @param {Mode} mode
 */
export function scaleOf(shown, win, ratio, mode) {
  if (mode === 'actual') return ratio;
  const available = { width: Math.round(win.width * ratio), height: Math.round(win.height * ratio) };
  const most = Math.min(available.width / shown.width, available.height / shown.height);
  const scale = Math.min(most, ratio);
  const whole = Math.floor(scale);
  return whole >= 1 && whole / scale >= LEAST_SHARPENING ? whole : scale;
}

/**
 * How large that is in the window, on whole device pixels.
 * @param {Size} shown
 * @param {number} scale device pixels to a remote pixel
 * @param {number} ratio
 * @returns {Size} in CSS pixels
 */
export function sizeOf(shown, scale, ratio) {
  const pixels = (/** @type {number} */ length) => Math.max(1, Math.round(length * scale)) / ratio;
  return { width: pixels(shown.width), height: pixels(shown.height) };
}

/**
 * Put a part of the screen into the middle, on whole device pixels; what is larger begins at the edge.
 * @param {Rect} shown
 * @param {Size} screen all of it
 * @param {Size} win in CSS pixels
 * @param {number} scale device pixels to a remote pixel
 * @param {number} ratio
 * @returns {Placement}
 */
export function place(shown, screen, win, scale, ratio) {
  const clip = sizeOf(shown, scale, ratio), canvas = sizeOf(screen, scale, ratio);
  const middle = (/** @type {number} */ room) => Math.max(0, Math.floor(Math.round(room * ratio) / 2)) / ratio;
  const before = (/** @type {number} */ length) => (length && -Math.round(length * scale)) / ratio;
  return {
    clip: { left: middle(win.width - clip.width), top: middle(win.height - clip.height), ...clip },
    canvas: { left: before(shown.x), top: before(shown.y), ...canvas },
    isSharp: Number.isInteger(scale),
  };
}

/**
 * The part of a rect that is on the screen, or all of the screen.
 * @param {Rect | null} rect
 * @param {Size} screen
 * @returns {Rect}
 */
export function shownOf(rect, { width, height }) {
  const x = rect?.x ?? 0, y = rect?.y ?? 0;
  const right = Math.min(width, x + (rect?.width ?? width)), bottom = Math.min(height, y + (rect?.height ?? height));
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : { x: 0, y: 0, width, height };
}
