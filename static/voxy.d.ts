/**
 * <voxy-desktop>: a desktop of VoXY's in a page of yours; frame.d.ts has the same in a frame.
 *
 * Attributes: `src` the desktop's address; `ticket-url` where your server gives a ticket (POST, JSON with `ticket`);
 * `view-only`; `toolbar="off"`; `scale="follow | fit | actual"`; `quality="auto | exact | light"`; `lang`; `manual` not to
 * connect by itself.
 */

export type Secret = { token: string } | { ticket: string } | null;

/** What may be done, as the server has it. */
export type Permission = 'view' | 'pointer' | 'keyboard' | 'clipboard_in' | 'clipboard_out' | 'resize';

/** What the events tell, as their `detail`. */
export interface DesktopEvents {
  /** Connected, or connected again. */
  connect: { name: string };
  /** The connection is gone; it is made anew by itself, unless an error follows. */
  disconnect: { code: number | null };
  /** The desktop has this size, in its own pixels. */
  resize: { width: number; height: number };
  /** A text was copied on the desktop. */
  clipboard: { text: string };
  control: { may: Permission[] };
  error: { code: 'signed-out' | 'outdated' | 'unreachable'; message: string };
}

export interface Desktop {
  /** Connect: with this, or with what getTicket or `ticket-url` gives, or with nothing. */
  connect(secret?: Secret): Promise<void>;
  /** Close the connection, until `connect` is called. */
  disconnect(): void;
  /** Press keys together, by their names: `sendKeys('Control', 'Alt', 'Delete')`. */
  sendKeys(...keys: string[]): void;
  /** What is shown, as PNG. */
  screenshot(): Promise<Blob | null>;
  requestFullscreen(): Promise<void>;
}

export type Listen = <Name extends keyof DesktopEvents>(
  type: Name,
  listener: (event: CustomEvent<DesktopEvents[Name]>) => void,
  options?: boolean | AddEventListenerOptions,
) => void;

export declare class VoxyDesktop extends HTMLElement implements Desktop {
  /** Gives a ticket for a connection, instead of `ticket-url`. */
  getTicket: (() => Promise<string>) | null;
  addEventListener: Listen & HTMLElement['addEventListener'];
  connect(secret?: Secret): Promise<void>;
  disconnect(): void;
  sendKeys(...keys: string[]): Promise<void>;
  /** Have the desktop paste a text, with Control and V; whether it may be. */
  paste(text: string): Promise<boolean>;
  screenshot(): Promise<Blob | null>;
}

declare global {
  interface HTMLElementTagNameMap {
    'voxy-desktop': VoxyDesktop;
  }
}
