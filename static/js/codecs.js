/** Codecs: which videos this browser decodes. Only in a secure context. */

/** @typedef {import('./update.js').Video['codec']} CodecName */

/** What is asked for 1920×1080; `video.js` says it as exactly as is needed then. */
const ASKED = /** @type {Record<CodecName, string>} */ ({ h264: 'avc1.42e028', vp8: 'vp8' });

/**
 * The codecs that this browser decodes.
 * @returns {Promise<CodecName[]>}
 */
export async function decodableCodecs() {
  if (!('VideoDecoder' in globalThis)) return [];
  const codecs = /** @type {CodecName[]} */ (['h264', 'vp8']);
  const supports = await Promise.all(codecs.map((codec) => (
    VideoDecoder.isConfigSupported({ codec: ASKED[codec] }).then(({ supported }) => supported, () => false)
  )));
  return codecs.filter((_, index) => supports[index]);
}

/**
 * What this browser can, for the server to choose from.
 * @param {CodecName[]} codecs
 */
export function capabilities(codecs) {
  return [
    isSecureContext && 'secure-context',
    'clipboard',
    'size',
    'may',
    'control',
    'place',
    ...codecs,
    navigator.maxTouchPoints > 0 && 'touch',
  ].filter((name) => typeof name === 'string');
}
