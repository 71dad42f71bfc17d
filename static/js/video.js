/**
 * Videos: the streams of video that a connection brings; each chunk becomes one picture.
 *
 * A frame is turned into a bitmap here, off the page's thread, and not there by being drawn: without a GPU Chromium
 * takes 3 ms for 1280×720 at its best and now and then 17, for which the page would hear no key.
 */

import { WireError } from './malformed.js';

/** @typedef {import('./update.js').Video} Video */
/** @typedef {{resolve: (frame: VideoFrame) => void, reject: (error: unknown) => void}} Waiting */
/** What is used of WebCodecs here, so that tests can be the browser.
 * @typedef {{configure: (config: VideoDecoderConfig) => void, decode: (chunk: EncodedVideoChunk) => void,
 *   close: () => void, state: CodecState}} FrameDecoder */
/** @typedef {object} WebCodecs
 * @property {(init: VideoDecoderInit) => FrameDecoder} createDecoder
 * @property {(init: EncodedVideoChunkInit) => EncodedVideoChunk} createChunk
 * @property {(frame: VideoFrame, width: number, height: number) => Promise<ImageBitmap>} createBitmap its left top */

/** Constrained baseline, by the most pixels of a level: 3.1 for 1280×720, 4 for 1920×1080, 5.1, and 6.2 for 8192×4320. */
const LEVELS = /** @type {const} */ ([[921600, '1f'], [2097152, '28'], [9437184, '33'], [Infinity, '3e']]);
const KEY = /** @type {const} */ ('key'), DELTA = /** @type {const} */ ('delta');

export class Videos {
  /** @type {Map<number, VideoStream>} */
  #streams = new Map();
  #webCodecs;

  /** @param {WebCodecs} [webCodecs] */
  constructor(webCodecs = browser()) {
    this.#webCodecs = webCodecs;
  }

  /**
   * The picture that a chunk decodes to, as large as its rect; whoever gets it closes it.
   * @param {Video} video
   * @returns {Promise<ImageBitmap>}
   */
  decode(video) {
    let stream = this.#streams.get(video.stream);
    if (video.isKey && !stream?.suits(video)) {
      stream?.close();
      stream = new VideoStream(video, this.#webCodecs);
      this.#streams.set(video.stream, stream);
    }
    if (!stream?.suits(video)) return Promise.reject(new WireError('a video that goes on without its beginning'));
    return stream.decode(video).then((frame) => this.#crop(frame, video));
  }

  /**
   * @param {VideoFrame} frame
   * @param {Video} video
   */
  #crop(frame, { width, height }) {
    const { displayWidth, displayHeight } = frame;
    const bitmap = displayWidth === even(width) && displayHeight === even(height)
      ? this.#webCodecs.createBitmap(frame, width, height) : Promise.reject(new WireError('a frame of the wrong size'));
    return bitmap.finally(() => frame.close());
  }

  /** Forget all streams: what is being decoded comes to nothing. */
  reset() {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }
}

/** One decoder, for as long as codec and size stay the same. */
class VideoStream {
  /** For each chunk that is being decoded, who waits for its frame. @type {Waiting[]} */
  #waiting = [];
  #count = 0;
  #codec;
  #width;
  #height;
  #decoder;
  #webCodecs;

  /**
   * @param {Video} video
   * @param {WebCodecs} webCodecs
   */
  constructor(video, webCodecs) {
    this.#webCodecs = webCodecs;
    this.#codec = video.codec;
    this.#width = even(video.width);
    this.#height = even(video.height);
    this.#decoder = webCodecs.createDecoder({
      output: (frame) => this.#hand(frame),
      error: (error) => this.#fail(error),
    });
    this.#decoder.configure(configOf(this.#codec, this.#width, this.#height));
  }

  /**
   * Whether a chunk can be one of this stream.
   * @param {Video} video
   */
  suits(video) {
    return this.#decoder.state !== 'closed' && video.codec === this.#codec
      && even(video.width) === this.#width && even(video.height) === this.#height;
  }

  /**
   * @param {Video} video
   * @returns {Promise<VideoFrame>}
   */
  decode(video) {
    return new Promise((resolve, reject) => {
      // The time only has to grow: frames come in the order of their chunks, and are shown when they come.
      const init = { type: video.isKey ? KEY : DELTA, timestamp: this.#count++, data: video.data };
      this.#decoder.decode(this.#webCodecs.createChunk(init));
      this.#waiting.push({ resolve, reject });
    });
  }

  close() {
    if (this.#decoder.state !== 'closed') this.#decoder.close();
    this.#fail(new Error('the stream has ended'));
  }

  /** @param {VideoFrame} frame */
  #hand(frame) {
    const next = this.#waiting.shift();
    if (next) next.resolve(frame);
    else frame.close();
  }

  /** @param {unknown} error */
  #fail(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/**
 * What a decoder is told of a video.
 * @param {Video['codec']} codec
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

/** @param {number} side */
function even(side) {
  return side + side % 2;
}

/** @returns {WebCodecs} */
function browser() {
  return {
    createDecoder: (init) => new VideoDecoder(init),
    createChunk: (init) => new EncodedVideoChunk(init),
    // To crop takes 2 ms more for 1280×720.
    createBitmap: (frame, width, height) => (frame.displayWidth === width && frame.displayHeight === height
      ? createImageBitmap(frame) : createImageBitmap(frame, 0, 0, width, height)),
  };
}
