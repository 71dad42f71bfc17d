/**
 * Put into a page before its own scripts: in every animation frame it reads the two stamps off the largest canvas or
 * video, and keeps them when they have changed. What they mean is for analysis.py to say.
 */
(({cellPx, cells}) => {
  if (window.top !== window) return;
  /** samples: [ms since 1970, bits of the top left corner, bits of the bottom right one]; keys: ms of each key press. */
  const probe = {samples: [], keys: []};
  window.__probe = probe;
  const width = cellPx * cells;
  const corners = new OffscreenCanvas(width, 2 * cellPx).getContext("2d", {willReadFrequently: true});
  let frame = 0;
  let shown = null;

  const screensBelow = (root) => [
    ...root.querySelectorAll("canvas, video"),
    ...[...root.querySelectorAll("*")].flatMap((each) => (each.shadowRoot ? screensBelow(each.shadowRoot) : [])),
  ];
  const sizeOf = (screen) => [screen.videoWidth || screen.width, screen.videoHeight || screen.height];
  const areaOf = (screen) => sizeOf(screen).reduce((a, b) => a * b);
  const largest = () =>
    screensBelow(document)
      .filter((screen) => screen.getBoundingClientRect().width > width)
      .sort((a, b) => areaOf(b) - areaOf(a))[0];

  /** 48 bits as one number, which a double holds exactly. */
  const wordAt = (pixels, row) => {
    let word = 0;
    for (let cell = 0; cell < cells; cell++) {
      const at = 4 * ((row + 0.5) * cellPx * width + (cell + 0.5) * cellPx);
      word = 2 * word + (pixels[at] + pixels[at + 1] + pixels[at + 2] > 384 ? 1 : 0);
    }
    return word;
  };

  const look = () => {
    requestAnimationFrame(look);
    if (frame++ % 60 === 0 || !shown?.isConnected) shown = largest();
    if (!shown) return;
    const [right, bottom] = sizeOf(shown);
    corners.drawImage(shown, 0, 0, width, cellPx, 0, 0, width, cellPx);
    corners.drawImage(shown, right - width, bottom - cellPx, width, cellPx, 0, cellPx, width, cellPx);
    const pixels = corners.getImageData(0, 0, width, 2 * cellPx).data;
    const sample = [performance.timeOrigin + performance.now(), wordAt(pixels, 0), wordAt(pixels, 1)];
    const last = probe.samples.at(-1);
    if (last?.[1] !== sample[1] || last?.[2] !== sample[2]) probe.samples.push(sample);
  };
  requestAnimationFrame(look);
  // By the event's own time: a page that is too busy to hear of a key is late with it.
  addEventListener("keydown", (event) => probe.keys.push(performance.timeOrigin + event.timeStamp), {capture: true});
})
