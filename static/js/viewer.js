/** Viewer: puts the parts of the page together; it alone knows them all. */

import { Acks } from './acks.js';
import { watchAttention } from './attention.js';
import { Access } from './auth.js';
import { Backstage, shortcutOf } from './backstage.js';
import { ClipboardGate } from './clipboard_gate.js';
import { now } from './clock.js';
import { capabilities, decodableCodecs } from './codecs.js';
import { Cursor } from './cursor.js';
import { Hands } from './input/hands.js';
import { Keyboard } from './input/keyboard.js';
import { TextInput } from './input/text_input.js';
import { LineThread } from './line.js';
import { PartLost } from './malformed.js';
import { Notice } from './notice.js';
import { Offstage } from './offstage.js';
import { Pacer } from './pacer.js';
import { Presentation } from './presentation.js';
import { Pulse } from './pulse.js';
import { Remote } from './remote.js';
import { KEPT_BYTES, Screen } from './screen.js';
import { Status } from './status.js';
import { TEXT, titleOf } from './text.js';
import { Transport, browser } from './transport.js';
import { CLOSE_MALFORMED, PROTOCOL, WELCOME_SEQ, serialize } from './wire.js';

/** @typedef {import('./decoder.js').Decoded} Decoded */
/** @typedef {import('./transport.js').TransportState} TransportState */
/** @typedef {import('./wire.js').ToServer} ToServer */

/** Where keys and what is pasted are for the page itself. */
const OF_PAGE = '[data-page]';

/** What somebody who only looks on sends. */
const OF_VIEWERS = new Set(['hello', 'ack', 'view', 'quality', 'statistics', 'ping', 'release', 'clip_ack']);

export class Viewer {
  canvas;
  presentation;
  #stage;
  #access;
  #thread = new LineThread();
  #transport;
  #screen;
  #acks;
  #pacer;
  #pulse;
  #clipboard;
  #keyboard;
  #textInput;
  #hands;
  #cursor;
  #status;
  #notice;
  /** @type {Offstage<import('./bulletin.js').Bulletin>} */
  #bulletin;
  #name = '';
  #backstage;
  #mayAct = true;
  /** While they are shown; nothing is counted otherwise. @type {import('./statistics.js').Statistics | null} */
  #statistics = null;
  /** @type {import('./wire.js').Resume | null} */
  #resume = null;
  /** @type {import('./codecs.js').CodecName[]} */
  #codecs = [];
  /** @type {import('./wire.js').Level} */
  #level = 'auto';

  /** @param {import('./stage.js').Stage} stage */
  constructor(stage) {
    const page = stage.root;
    this.#stage = stage;
    this.#level = stage.options.quality ?? 'auto';
    this.#access = new Access(!stage.isAlone);
    this.canvas = /** @type {HTMLCanvasElement} */ (page.getElementById('screen'));
    this.#transport = new Transport({
      onState: (state, code) => this.#onTransport(state, code),
      onMessage: (received) => this.#receive(received),
    }, browser(this.#thread, this.#access));
    this.#screen = new Screen(this.canvas, () => this.#resized());
    this.#acks = new Acks((painted) => this.#acknowledge(painted));
    this.#pacer = new Pacer((decoded) => this.#try(() => this.#paint(decoded)));
    this.#pulse = new Pulse({
      onPing: (id) => this.#send({ type: 'ping', id }),
      onStale: (isStale) => this.#status.note({ isStale }),
      onDead: () => this.#transport.restart(),
      isHurried: () => this.#keyboard.isHolding || this.#hands.isHolding || this.#statistics !== null,
    });
    const send = (/** @type {ToServer} */ message) => this.#send(message);
    const field = /** @type {HTMLTextAreaElement} */ (page.getElementById('field'));
    const onLost = (/** @type {unknown} */ error) => this.#lose(error);
    const clipboard = this.#clipboard = new ClipboardGate(() => this.#fetchClipboard(field), send, () => this.#focus(), onLost);
    this.#keyboard = new Keyboard(
      (message) => this.#type(message), (event) => this.#isForDesktop(event), (event) => clipboard.begin(event));
    this.#textInput = new TextInput(field, this.#keyboard);
    this.#textInput.listen(field);
    this.presentation = new Presentation(stage, this.canvas, send, {
      onPlace: () => this.#placed(), onChange: () => this.#backstage.panels?.controls.offer(this.presentation),
    });
    const { view } = this.presentation;
    this.#hands = new Hands(stage, this.canvas, view, send, () => this.#keyboard.holds('Control'), onLost);
    this.#cursor = new Cursor(this.canvas, (shape) => this.#hands.wear(shape));
    this.#notice = new Notice(page);
    this.#bulletin = new Offstage(async () => {
      const { openBulletin } = await import('./bulletin.js');
      return openBulletin(this.#notice, () => this.#name);
    }, onLost);
    this.#status = new Status(stage, { connect: () => this.#transport.connect(), reload: () => location.reload() });
    const parts = {
      stage, access: this.#access, thread: this.#thread, transport: this.#transport, keyboard: this.#keyboard,
      textInput: this.#textInput, clipboard, notice: this.#notice, hands: this.#hands, presentation: this.presentation,
      canvas: this.canvas, send, onLeave: () => this.#focus(), onEnd: () => this.#release(), quality: () => this.#level,
      chooseQuality: (/** @type {import('./wire.js').Level} */ level) => this.#chooseQuality(level),
      toggleStatistics: () => this.#backstage.call(({ statistics }) => this.#count(statistics.toggle())),
    };
    this.#backstage = new Backstage(stage, async () => {
      const { openPanels } = await import('./panels.js');
      return openPanels(stage, parts, () => this.#transport.connect());
    }, onLost);
    this.remote = new Remote(parts);
    this.#listen();
    // The browser answers within a millisecond, long before a connection stands: nothing waits for it.
    decodableCodecs().then((codecs) => (this.#codecs = codecs));
  }

  /** Where the next connection goes on. */
  get resume() {
    return this.#resume;
  }

  /**
   * Show what another page left, and go on with that.
   * @param {{token: string, seq: number, bitmap: ImageBitmap}} left
   * @param {() => boolean} isShown
   */
  restore({ token, seq, bitmap }, isShown) {
    this.#screen.restore(bitmap);
    if (!isShown()) return;
    this.#resume = { token, seq, images: false };
    this.#unveil();
    this.#status.note({ wasPainted: true });
  }

  // Events of the page

  #listen() {
    const { target, signal } = this.#stage;
    // Before the keyboard: what is for the page itself doesn't reach the desktop.
    target.addEventListener('keydown', (event) => this.#onShortcut(/** @type {KeyboardEvent} */ (event)), { capture: true });
    this.#clipboard.listen(target, signal, (event) => this.#isForDesktop(event));
    this.#keyboard.listen(target);
    this.canvas.addEventListener('pointerdown', (event) => {
      const at = { x: event.clientX, y: event.clientY };
      this.#textInput.locate(() => this.#stage.inside(at));
      this.#focus();
    });
    this.#backstage.listen();
    this.#hands.listen();
    document.addEventListener('pointerlockchange', () => {
      this.#release();
      this.#keyboard.isByPlace = this.#hands.isLocked;
    }, { signal });
    watchAttention(this.#stage, {
      onLeave: () => this.#release(), onHide: () => this.#hide(), onShow: () => this.#appear(),
      onWake: () => this.#wake(),
    });
    window.addEventListener('scroll', () => this.#hands.invalidate(), { capture: true, signal });
    this.presentation.listen();
  }

  #hide() {
    this.#release();
    this.#send({ type: 'view', hidden: true });
    this.#pacer.flush();
    this.#acks.flush();
    this.#pulse.stop();
  }

  #appear() {
    this.#send({ type: 'view', hidden: false });
    this.presentation.sizing.show();
    this.#wake();
  }

  /** The machine may have slept or changed its network: look whether the connection still is one. */
  #wake() {
    if (this.#transport.state === 'waiting') this.#transport.connect();
    if (this.#transport.state === 'open' && !document.hidden) this.#pulse.start({ afterSleep: true });
  }

  #release() {
    this.#keyboard.release();
    this.#hands.forget();
  }

  /** @param {{target: EventTarget | null}} event */
  #isForDesktop({ target }) {
    return this.#transport.state === 'open' && !this.#stage.options.viewOnly && !(target instanceof Element && target.closest(OF_PAGE));
  }

  /** @param {KeyboardEvent} event */
  #onShortcut(event) {
    const shortcut = shortcutOf(event);
    if (!shortcut) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    // The modifiers went down before it was known what for.
    this.#release();
    if (!event.repeat) this.#backstage.press(shortcut);
  }

  /** @param {import('./input/keyboard.js').KeyMessage} message */
  #type(message) {
    if (message.type !== 'release') this.#textInput.caret.typed(now());
    this.#clipboard.pass(message);
  }

  /** @param {HTMLTextAreaElement} field */
  async #fetchClipboard(field) {
    const { Clipboard, LocalClipboard } = await import('./clipboard.js');
    const local = new LocalClipboard(field, () => this.#textInput.isComposing);
    const tell = (/** @type {string} */ text) => this.#stage.tell('clipboard', { text });
    return new Clipboard(local, (message) => this.#send(message), () => this.#focus(), tell);
  }

  /** @param {import('./wire.js').Level} level */
  #chooseQuality(level) {
    this.#level = level;
    this.#send({ type: 'quality', level });
  }

  /** @param {import('./statistics.js').Statistics | null} statistics that are shown from now on */
  #count(statistics) {
    this.#statistics = statistics;
    this.#send({ type: 'statistics', on: statistics !== null });
    this.#backstage.panels?.controls.check(statistics !== null);
    if (!statistics) this.#focus();
  }

  /** @param {unknown} error a part of the page couldn't be fetched */
  #lose(error) {
    console.error(error);
    this.#notice.say(TEXT.partLost);
  }

  /** The canvas may have another place, and another scale. */
  #placed() {
    this.#hands.invalidate();
    // A desktop that follows the window has its real pixels.
    this.#cursor.resolution = this.presentation.sizing.mode === 'follow' ? devicePixelRatio : 1;
  }

  #focus() {
    this.#textInput.focus();
  }

  // The connection

  /**
   * @param {TransportState} state
   * @param {number} [code] with which the server closed
   */
  #onTransport(state, code) {
    this.remote.became(state, code);
    if (state === 'open') this.#greet();
    else this.#forgetConnection();
    // To say again what the server doesn't understand would be in vain; and who is signed out leaves nothing behind.
    if (code === CLOSE_MALFORMED || state === 'signed-out') this.#resume = null;
    if (state === 'signed-out') this.#backstage.call(({ signIn }) => this.#ask(signIn));
    else this.#backstage.panels?.signIn.hide();
    this.#status.note({ transport: state, ...(state === 'waiting' && { hasFailed: true }) });
  }

  /** @param {import('./signin.js').SignIn} signIn */
  #ask(signIn) {
    if (this.#transport.state === 'signed-out') signIn.show(this.remote.refused, this.#stage.isAlone);
  }

  #greet() {
    this.#send({
      type: 'hello', protocol: PROTOCOL, capabilities: capabilities(this.#codecs), hidden: document.hidden,
      keeps: KEPT_BYTES, resume: this.#resume,
    });
    if (this.#statistics) this.#send({ type: 'statistics', on: true });
    if (this.#level !== 'auto') this.#send({ type: 'quality', level: this.#level });
    if (!document.hidden) this.#pulse.start();
  }

  #forgetConnection() {
    this.#pulse.stop();
    this.#pacer.reset();
    this.#acks.reset();
    this.#keyboard.forget();
    this.#hands.forget();
    this.#clipboard.forget();
    this.presentation.sizing.forget();
    this.#cursor.reset();
    this.#statistics?.reset();
    this.#status.note({ isPainted: false, source: null });
  }

  /** @param {ToServer} message */
  #send(message) {
    if (!OF_VIEWERS.has(message.type)) {
      if (this.#stage.options.viewOnly) return;
      this.#pacer.acted();
    }
    this.#transport.send(serialize(message));
  }

  /** @param {import('./transport.js').Received} received */
  #receive(received) {
    this.#pulse.heard();
    this.#try(() => this.#take(received));
  }

  /** @param {() => void} action */
  #try(action) {
    try {
      action();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /** @param {import('./transport.js').Received} received */
  #take(received) {
    if (received instanceof Error) throw received;
    if ('bitmaps' in received) return this.#pacer.take(received, document.hidden);
    switch (received.type) {
      case 'cursor': return this.#cursor.receive(received);
      case 'state': return this.#status.note({ source: received });
      case 'welcome': return this.#enter(received);
      case 'pong': return this.#noteAnswer(received);
      case 'clip': case 'clip_chunk': return this.#clipboard.call((clipboard) => clipboard.take(received));
      case 'clip_ack': return this.#clipboard.part?.acked(received);
      case 'clip_gone': return this.#clipboard.part?.lose();
      case 'clipboard': return this.#clipboard.limit(received);
      case 'title': return void (document.title = titleOf(received.title));
      case 'notice': case 'place': return this.#bulletin.call((bulletin) => bulletin.take(received));
      case 'may': return this.#permit(received);
      case 'people': case 'control': return this.#backstage.take(received);
      case 'size': case 'monitors': return this.presentation.take(received);
      case 'times': return this.#statistics?.told(received);
    }
  }

  /** @param {import('./wire.js').Welcome} welcome */
  #enter({ name, token, resumed }) {
    if (this.#stage.isWhole) document.title = titleOf(name);
    this.remote.entered(name);
    this.#name = name;
    this.presentation.sizing.enter(name);
    this.#send({ type: 'ack', seq: WELCOME_SEQ, decode_ms: 0 });
    if (!resumed) this.#screen.forget();
    this.#resume = { token, seq: resumed && this.#resume ? this.#resume.seq : WELCOME_SEQ, images: true };
    if (this.#resume.seq) this.#show();
  }

  /** @param {import('./wire.js').May} may */
  #permit(may) {
    const mayAct = may.permissions.includes('pointer') || may.permissions.includes('keyboard');
    if (this.#mayAct && !mayAct) this.#bulletin.call((bulletin) => bulletin.lookOn());
    this.#mayAct = mayAct;
    this.#backstage.take(may);
  }

  /** The desktop has another size. */
  #resized() {
    this.presentation.view.update();
    const { width, height } = this.canvas;
    this.#stage.tell('resize', { width, height });
  }

  /** @param {import('./wire.js').Pong} pong */
  #noteAnswer({ id }) {
    const roundTripMs = this.#pulse.answered(id);
    if (roundTripMs === null) return;
    this.#pacer.answered(roundTripMs);
    this.#statistics?.answered(roundTripMs);
  }

  /** @param {Decoded} decoded */
  #paint(decoded) {
    const { update: { seq, bytes, operations }, decodeMs, takenAt } = decoded;
    this.#screen.paint(decoded);
    const caret = this.#textInput.caret.find(operations, now());
    if (caret) this.#textInput.locate(() => this.#stage.inside(this.#hands.placeOf(caret)));
    if (this.#resume) this.#resume.seq = seq;
    this.#statistics?.received(bytes);
    this.#acks.painted({ seq, decodeMs, takenAt }, document.hidden);
    if (!this.#status.situation.isPainted) this.#show();
  }

  /** @param {import('./acks.js').Painted} painted */
  #acknowledge({ seq, decodeMs, takenAt }) {
    this.#send({ type: 'ack', seq, decode_ms: decodeMs });
    this.#statistics?.shown({ seq, decodeMs, browserMs: now() - takenAt });
  }

  /** The first picture of a connection is there. */
  #show() {
    this.#status.note({ isPainted: true, wasPainted: true });
    this.#unveil();
  }

  #unveil() {
    if (!this.canvas.hidden) return;
    this.canvas.hidden = false;
    // In another's page the keyboard stays where it is until somebody clicks here.
    if (this.#stage.isAlone) this.#focus();
    this.#hands.invalidate();
  }

  /**
   * A picture that missed an update is wrong: begin anew.
   * @param {unknown} error
   */
  #giveUp(error) {
    console.error(error);
    if (error instanceof PartLost) {
      this.#codecs = [];
      this.#lose(error);
    }
    this.#resume = null;
    this.#transport.restart();
  }
}
