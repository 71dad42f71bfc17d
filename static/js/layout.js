/** Where the canvas goes in the window. Pure. */

/** A picture that can be shown sharp by showing it this much smaller is shown sharp. */
const LEAST_SHARPENING = 0.9;

/** @typedef {{width: number, height: number}} Size */
/** @typedef {{left: number, top: number, width: number, height: number, isSharp: boolean}} Placement in CSS pixels */

/**
 * Fit the remote screen into the window, centred, on whole device pixels. Never larger than one remote pixel to one
 * CSS pixel. A screen as large as the window in device pixels is mapped one to one.
 * @param {Size} screen in remote pixels
 * @param {Size} win in CSS pixels
 * @param {number} ratio device pixels to a CSS pixel
 * @returns {Placement}
 */
export function fit(screen, win, ratio) {
  const available = { width: Math.round(win.width * ratio), height: Math.round(win.height * ratio) };
  const scale = deviceScale(screen, available, ratio);
  const width = Math.max(1, Math.round(screen.width * scale));
  const height = Math.max(1, Math.round(screen.height * scale));
  return {
    left: Math.max(0, Math.floor((available.width - width) / 2)) / ratio,
    top: Math.max(0, Math.floor((available.height - height) / 2)) / ratio,
    width: width / ratio,
    height: height / ratio,
    isSharp: Number.isInteger(scale),
  };
}

/**
 * Device pixels to a remote pixel.
 * @param {Size} screen
 * @param {Size} available
 * @param {number} ratio
 */
function deviceScale(screen, available, ratio) {
  const most = Math.min(available.width / screen.width, available.height / screen.height);
  const scale = Math.min(most, ratio);
  const whole = Math.floor(scale);
  return whole >= 1 && whole / scale >= LEAST_SHARPENING ? whole : scale;
}
