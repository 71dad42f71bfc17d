/** Everything that the page says to people. */

export const TEXT = {
  screen: 'Remote desktop',
  connecting: 'Connecting…',
  stale: 'No answer…',
  stalled: 'The desktop doesn’t answer.',
  sourceLost: 'The desktop is gone. VoXY is looking for it…',
  unreachable: 'VoXY can’t be reached. Trying again…',
  connectionLost: 'Connection lost. Trying again…',
  tryNow: 'Try now',
  outdated: 'VoXY has been updated. Reload the page to go on.',
  reload: 'Reload',
  signInTitle: 'Sign in',
  signInHow: 'Paste the token, or the whole address, that VoXY printed when it was started.',
  token: 'Token',
  signIn: 'Sign in',
  wrongToken: 'That token isn’t right. Copy the whole address that VoXY printed.',
  signInUnreachable: 'VoXY can’t be reached. Try again in a moment.',
  menu: 'VoXY menu',
  statistics: 'Statistics',
  statisticsKeys: 'Ctrl Alt Shift S',
  closeStatistics: 'Close the statistics',
  roundTrip: 'Round trip',
  frames: 'Frames',
  data: 'Data',
  exact: 'Exact',
  server: 'Server',
  line: 'Line',
  browser: 'Browser',
  slowest: 'Most time goes into',
  atRest: 'Nothing changes on the screen.',
};

/** What the numbers of the statistics count. */
export const UNITS = {
  roundTrip: 'ms', frames: '/s', data: 'Mbit/s', exact: '%', server: 'ms', line: 'ms', browser: 'ms',
};

/** Where time goes. @type {Record<import('./statistics.js').Stage, string>} */
export const STAGE_NAMES = {
  grab: 'reading the screen.',
  diff: 'finding what changed.',
  encode: 'packing the picture.',
  send: 'waiting to be sent.',
  line: 'the way through the network.',
  decode: 'unpacking the picture.',
  paint: 'waiting for the browser to paint.',
};

/** @param {string} name the desktop's */
export function titleOf(name) {
  return name ? `${name} — VoXY` : 'VoXY';
}
