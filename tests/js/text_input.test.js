import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Keyboard } from '../../static/js/input/keyboard.js';
import { TextInput } from '../../static/js/input/text_input.js';

Object.assign(globalThis, { innerWidth: 800, innerHeight: 600 });

/** A field, and what reaches the desktop of what is put into it: as in an editor, with '+a-a' for keys. */
function inputOf(hasTouch) {
  const field = { value: '', style: {}, dataset: {}, inputMode: '', focus() {}, blur() {}, matches: () => false };
  const sent = [];
  const keyboard = new Keyboard(({ type, text, key, down }) => {
    sent.push(type === 'text' ? text : `${down ? '+' : '-'}${key}`);
  }, () => true, () => false, 'other');
  return { field, sent, keyboard, input: new TextInput(field, keyboard, hasTouch) };
}

const BACKSPACE = ['+Backspace', '-Backspace'];
const OF_TOUCH = { keyCode: 229, code: '' };

describe('TextInput', () => {
  test('text that no key names is typed, once', () => {
    const { input, sent, field } = inputOf(false);
    field.value = '🙂é';
    input.input({ inputType: 'insertText', data: '🙂é' });
    assert.deepEqual(sent, ['🙂é']);
    assert.equal(field.value, '');
  });

  test('what is composed is typed when it is done', () => {
    const { input, sent, field } = inputOf(false);
    input.locate(() => ({ x: 120, y: 80 }));
    input.keydown({ keyCode: 229, code: 'KeyN' });
    input.begin();
    assert.ok('composing' in field.dataset);
    assert.deepEqual([field.style.left, field.style.top], ['120px', '80px']);
    for (const text of ['に', 'にほ', 'にほんご', '日本語']) {
      input.update(text);
      input.input({ inputType: 'insertCompositionText', data: text });
    }
    assert.deepEqual(sent, []);
    input.end('日本語');
    // Firefox tells of it once more.
    input.input({ inputType: 'insertCompositionText', data: '日本語' });
    assert.deepEqual(sent, ['日本語']);
    assert.ok(!('composing' in field.dataset));
  });

  test('a composition that is given up types nothing', () => {
    const { input, sent } = inputOf(false);
    input.begin();
    input.update('にほ');
    input.end('');
    assert.deepEqual(sent, []);
  });

  test('candidates are shown within the window', () => {
    const { input, field } = inputOf(false);
    input.locate(() => ({ x: 799, y: 599 }));
    input.begin();
    assert.deepEqual([field.style.left, field.style.top], ['640px', '572px']);
  });

  test('a touch keyboard’s word is seen while it is written, and put right', () => {
    const { input, sent, field } = inputOf(true);
    input.keydown(OF_TOUCH);
    input.begin();
    for (const text of ['h', 'he', 'hel', 'held']) input.update(text);
    input.end('help');
    assert.deepEqual(sent, ['h', 'e', 'l', 'd', ...BACKSPACE, 'p']);
    assert.ok(!('composing' in field.dataset));
    sent.length = 0;
    input.begin();
    input.update('😀');
    input.end('a');
    assert.deepEqual(sent, ['😀', ...BACKSPACE, 'a']);
  });

  test('a touch keyboard finds something to delete, always', () => {
    const { input, sent, field } = inputOf(true);
    for (let count = 0; count < 3; count += 1) {
      assert.ok(field.value.length > 0);
      field.value = field.value.slice(1);
      input.input({ inputType: 'deleteContentBackward', data: null });
    }
    assert.deepEqual(sent, [...BACKSPACE, ...BACKSPACE, ...BACKSPACE]);
  });

  test('a touch keyboard’s other keys are keys', () => {
    const { input, sent } = inputOf(true);
    input.input({ inputType: 'insertLineBreak', data: null });
    input.input({ inputType: 'deleteWordBackward', data: null });
    assert.deepEqual(sent, ['+Enter', '-Enter', '+Control', '+Backspace', '-Backspace', '-Control']);
  });

  test('a touch screen has its keyboard when it is wanted, a desk always', () => {
    const touch = inputOf(true), desk = inputOf(false);
    assert.deepEqual([touch.field.inputMode, desk.field.inputMode], ['none', 'text']);
    touch.input.show(true);
    assert.ok(touch.input.isShown);
    touch.input.show(false);
    assert.equal(touch.field.inputMode, 'none');
  });

  test('long text goes in pieces, and no character is cut', () => {
    const { input, sent } = inputOf(false);
    const text = '🙂'.repeat(300);
    input.input({ inputType: 'insertText', data: text });
    assert.deepEqual(sent.map((piece) => [...piece].length), [256, 44]);
    assert.equal(sent.join(''), text);
  });
});

describe('latched modifiers', () => {
  let latched;
  beforeEach(() => (latched = inputOf(true)));

  test('stay down for one key, however it is typed', () => {
    const { keyboard, input, sent } = latched;
    keyboard.latch('Control');
    keyboard.latch('Alt');
    assert.deepEqual([...keyboard.latched], ['Control', 'Alt']);
    input.input({ inputType: 'insertText', data: 'c' });
    assert.deepEqual(sent, ['+Control', '+Alt', '+c', '-c', '-Control', '-Alt']);
    assert.ok(!keyboard.latched.size && !keyboard.isHolding);
  });

  test('are let go by the same button', () => {
    const { keyboard, sent } = latched;
    keyboard.latch('Meta');
    keyboard.latch('Meta');
    assert.deepEqual(sent, ['+Meta', '-Meta']);
  });

  test('are not let go by a key that says they are up', () => {
    const { keyboard, sent } = latched;
    const event = {
      key: 'x', code: 'KeyX', shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, isComposing: false,
      keyCode: 88, repeat: false, timeStamp: 0, target: null, preventDefault() {},
    };
    keyboard.latch('Control');
    keyboard.keydown(event);
    keyboard.keyup(event);
    assert.deepEqual(sent, ['+Control', '+x', '-x', '-Control']);
  });

  test('are told of, and forgotten with the connection', () => {
    const { keyboard } = latched;
    let told = 0;
    keyboard.onlatch = () => (told += 1);
    keyboard.latch('Shift');
    keyboard.forget();
    assert.equal(told, 2);
    assert.equal(keyboard.latched.size, 0);
  });

  test('chords press their keys together', () => {
    const { keyboard, sent } = latched;
    keyboard.tap('Control', 'Alt', 'Delete');
    assert.deepEqual(sent, ['+Control', '+Alt', '+Delete', '-Delete', '-Alt', '-Control']);
  });
});
