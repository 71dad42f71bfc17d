/** The address of a desktop's own page: what lets somebody in, what went wrong with that, and which monitor is shown. */

/** What is said behind the # of the address. */
function said() {
  return new URLSearchParams(location.hash.slice(1));
}

/**
 * The token, the invitation or the portal's ticket in the page's own address, or null.
 * @returns {import('./auth.js').Secret | null}
 */
export function secretInAddress() {
  const parts = said(), token = parts.get('token'), invitation = parts.get('invite'), ticket = parts.get('launch');
  if (invitation !== null) return { invitation };
  if (ticket !== null) return { ticket };
  return token === null ? null : { token };
}

/** Take the secret out of the address, so that it is neither read over a shoulder nor bookmarked. */
export function removeSecretFromAddress() {
  const rest = said();
  for (const name of ['token', 'invite', 'launch', 'sign-in']) rest.delete(name);
  history.replaceState(null, '', location.pathname + location.search + `#${rest}`.replace(/#$/, ''));
}

/** What went wrong at the provider from which the browser came back, or null; `refused`, `expired` or `unreachable`. */
export function failureInAddress() {
  return said().get('sign-in');
}

/** The monitor that is shown alone (`#monitor=NAME`), or null. */
export function nameInAddress() {
  return said().get('monitor');
}
