/** DesktopFrame: a desktop of VoXY's in a frame of a page of yours, used like the element that voxy.d.ts has. */

import type { Desktop, Listen, Secret } from './voxy.js';

export declare class DesktopFrame extends EventTarget implements Desktop {
  /** A frame that has its `src`, and what gives a ticket for a connection. */
  constructor(frame: HTMLIFrameElement, getTicket?: (() => Promise<string>) | null);
  addEventListener: Listen & EventTarget['addEventListener'];
  connect(secret?: Secret): Promise<void>;
  disconnect(): void;
  sendKeys(...keys: string[]): void;
  paste(text: string): void;
  screenshot(): Promise<Blob | null>;
  requestFullscreen(): Promise<void>;
  /** Listen no more. */
  end(): void;
}
