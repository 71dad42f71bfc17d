/** Brought: small files that came along with the modules, by their names; none where the modules come one by one. */

export const BROUGHT = /** @type {Record<string, string>} */ ({});
