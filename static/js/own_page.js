/** OwnPage: what a desktop has that is shown in a page of its own: secrets in its address, a picture left behind. */

export { nameInAddress, removeSecretFromAddress, secretInAddress } from './address.js';
export * as leftover from './leftover.js';
