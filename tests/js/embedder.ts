/** A page that embeds desktops, as its types let it be written. It is compiled, not run. */

import { DesktopFrame } from '../../static/frame.js';
import type { VoxyDesktop } from '../../static/voxy.js';

export async function use(element: VoxyDesktop, frame: HTMLIFrameElement): Promise<number> {
  element.getTicket = async () => 'ticket';
  element.addEventListener('resize', ({ detail: { width, height } }) => width * height);
  element.addEventListener('click', (event) => event.clientX);
  await element.connect({ ticket: 'ticket' });
  await element.sendKeys('Control', 'Alt', 'Delete');
  const isPasted: boolean = await element.paste('text');
  const framed = new DesktopFrame(frame, async () => 'ticket');
  framed.addEventListener('control', ({ detail: { may } }) => may.includes('keyboard'));
  // @ts-expect-error: there is no such event.
  framed.addEventListener('control', ({ detail }) => detail.nothing);
  const picture = await document.querySelector('voxy-desktop')?.screenshot();
  return isPasted ? picture?.size ?? 0 : 0;
}
