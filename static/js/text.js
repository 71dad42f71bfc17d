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
};

/** @param {string} name the desktop's */
export function titleOf(name) {
  return name ? `${name} — VoXY` : 'VoXY';
}
