/** Codecs: which videos this browser decodes, and what its decoder is told of them. Only in a secure context. */

/** @typedef {import('./update.js').Video['codec']} CodecName */

/** Constrained baseline, by the most pixels of a level: 3.1 for 1280×720, 4 for 1920×1080, 5.1, and 6.2 for 8192×4320. */
const LEVELS = /** @type {const} */ ([[921600, '1f'], [2097152, '28'], [9437184, '33'], [Infinity, '3e']]);

/**
 * @param {CodecName} codec
 * @param {number} width
 * @param {number} height
 * @returns {VideoDecoderConfig}
 */
export function configOf(codec, width, height) {
  const level = LEVELS.find(([most]) => width * height <= most)?.[1];
  return {
    codec: codec === 'vp8' ? 'vp8' : `avc1.42e0${level}`,
    codedWidth: width,
    codedHeight: height,
    // What the encoder signs H.264 with; VP8 can't say it.
    colorSpace: { primaries: 'bt709', transfer: 'iec61966-2-1', matrix: 'smpte170m', fullRange: false },
    hardwareAcceleration: 'no-preference',
    optimizeForLatency: true,
  };
}

/**
 * The codecs that this browser decodes.
 * @returns {Promise<CodecName[]>}
 */
export async function decodableCodecs() {
  if (!('VideoDecoder' in globalThis)) return [];
  const codecs = /** @type {CodecName[]} */ (['h264', 'vp8']);
  const supports = await Promise.all(codecs.map((codec) => (
    VideoDecoder.isConfigSupported(configOf(codec, 1920, 1080)).then(({ supported }) => supported, () => false)
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
