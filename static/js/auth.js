/** Exchanges the token that VoXY printed for a session. */

/** @typedef {'in' | 'refused' | 'unreachable'} SignedIn */

/** The token in the page's own address, or null. */
export function tokenInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get('token');
}

/** Take the token out of the address, so that it is neither read over a shoulder nor bookmarked. */
export function removeTokenFromAddress() {
  const rest = new URLSearchParams(location.hash.slice(1));
  rest.delete('token');
  history.replaceState(null, '', location.pathname + location.search + `#${rest}`.replace(/#$/, ''));
}

/**
 * The token in what somebody pasted: the token itself, or the whole address.
 * @param {string} text
 */
export function tokenIn(text) {
  return text.trim().replace(/^.*#(.*&)?token=/s, '').replace(/&.*$/s, '');
}

/**
 * @param {string} token
 * @returns {Promise<SignedIn>}
 */
export async function signIn(token) {
  try {
    const response = await fetch('login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    if (response.status === 204) return 'in';
    return response.status < 500 ? 'refused' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}
