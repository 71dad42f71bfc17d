/** The line's thread: the WebSocket, and the decoding of what it brings. `line.js` says why it is a thread of its own. */

import { Decoder } from './decoder.js';
import { MAX_EXPRESS_BLOCKS, openExpress } from './line.js';
import { PartLost } from './malformed.js';
import { BLOCK } from './update.js';
import { parse } from './wire.js';

/** @typedef {import('./decoder.js').Decoded} Decoded */
/** @typedef {import('./line.js').FromLine} FromLine */
/** @typedef {import('./line.js').ToLine} ToLine */

let express = openExpress(self.name);
/** @type {WebSocket | null} */
let socket = null;
let line = 0;
let count = 0;

const decoder = new Decoder(
  (decoded) => deliver({ kind: 'decoded', decoded }, decoded.bitmaps),
  (error) => deliver({ kind: error instanceof PartLost ? 'lost' : 'broken', reason: String(error) }),
);

/** @param {MessageEvent<ToLine>} event */
onmessage = ({ data }) => {
  switch (data.kind) {
    case 'open': return open(data.line, data.url, data.protocols);
    case 'send': return data.line === line && socket?.send(data.data);
    case 'close': return data.line === line && close(data.code);
  }
};

/**
 * @param {number} number
 * @param {string} url
 * @param {string[]} protocols
 */
function open(number, url, protocols) {
  close();
  line = number;
  count = 0;
  const opened = socket = new WebSocket(url, protocols);
  opened.binaryType = 'arraybuffer';
  opened.onopen = () => deliver({ kind: 'open' });
  opened.onclose = ({ code }) => deliver({ kind: 'close', code });
  opened.onmessage = ({ data }) => receive(data);
}

/** @param {number} [code] */
function close(code) {
  decoder.reset();
  if (!socket) return;
  socket.onopen = socket.onclose = socket.onmessage = null;
  socket.close(code);
  socket = null;
}

/** @param {string | ArrayBuffer} data */
function receive(data) {
  try {
    const message = parse(data);
    if (message.type === 'update') decoder.take(message);
    else deliver({ kind: 'message', message });
  } catch (error) {
    deliver({ kind: 'broken', reason: String(error) });
  }
}

/**
 * Small pictures and words go by the express way; big pictures are handed over, which is quicker than a copy.
 * @param {import('./line.js').Delivery} delivery
 * @param {(ImageBitmap | null)[]} [bitmaps]
 */
function deliver(delivery, bitmaps = []) {
  /** @type {FromLine} */
  const message = { ...delivery, line, number: count++ };
  const images = bitmaps.filter((bitmap) => bitmap !== null);
  const blocks = images.reduce((sum, { width, height }) => sum + width * height / BLOCK ** 2, 0);
  if (blocks > MAX_EXPRESS_BLOCKS || !sendExpress(message)) return postMessage(message, { transfer: images });
  for (const image of images) image.close();
}

/** @param {FromLine} message */
function sendExpress(message) {
  try {
    express?.postMessage(message);
  } catch {
    // This browser doesn't copy pictures from one thread to another.
    express = null;
  }
  return express !== null;
}
