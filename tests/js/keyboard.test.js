import assert from 'node:assert/strict';
import { beforeEach, describe, mock, test } from 'node:test';

import { Keyboard } from '../../static/js/input/keyboard.js';
import { mockTimers } from './support.js';

/** A keyboard of a platform, and what it sent: '+KeyA a' down, '-KeyA a' up, 'release'. */
function keyboardOf(platform, accepts = () => true, isForBoth = () => false) {
  const sent = [];
  const keyboard = new Keyboard(({ type, key, code, down }) => {
    sent.push(type === 'release' ? 'release' : `${down ? '+' : '-'}${code} ${key}`);
  }, accepts, isForBoth, platform);
  let time = 0;
  const event = (key, code, more) => ({
    key, code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, isComposing: false,
    timeStamp: time += 200, target: null, isPrevented: false, preventDefault() { this.isPrevented = true; }, ...more,
  });
  const press = (method) => (key, code, more) => {
    const made = event(key, code, more);
    keyboard[method](made);
    return made.isPrevented;
  };
  return { keyboard, sent, down: press('keydown'), up: press('keyup') };
}

describe('Keyboard', () => {
  test('a key goes down, repeats and goes up', () => {
    const { sent, keyboard, down, up } = keyboardOf('other');
    assert.ok(down('a', 'KeyA'));
    assert.ok(down('a', 'KeyA', { repeat: true }));
    assert.ok(keyboard.isHolding);
    assert.ok(up('a', 'KeyA'));
    assert.ok(!keyboard.isHolding);
    assert.deepEqual(sent, ['+KeyA a', '+KeyA a', '-KeyA a']);
  });

  test('a key goes up by the name with which it went down', () => {
    const { sent, down, up } = keyboardOf('other');
    down('Shift', 'ShiftLeft', { shiftKey: true });
    down('A', 'KeyA', { shiftKey: true });
    up('Shift', 'ShiftLeft');
    up('a', 'KeyA');
    assert.deepEqual(sent, ['+ShiftLeft Shift', '+KeyA A', '-ShiftLeft Shift', '-KeyA A']);
  });

  test('a key without a code is told by its name', () => {
    const { sent, down, up } = keyboardOf('other');
    down('é', '');
    up('é', '');
    assert.deepEqual(sent, ['+ é', '- é']);
  });

  test('a key by its place has no name', () => {
    const { keyboard, sent, down, up } = keyboardOf('other');
    keyboard.isByPlace = true;
    down('z', 'KeyW');
    up('z', 'KeyW');
    down('é', '');
    assert.deepEqual(sent, ['+KeyW ', '-KeyW z', '+ é']);
  });

  test('all keys are the desktop’s where the browser gives them', () => {
    const { keyboard, sent, down } = keyboardOf('other');
    keyboard.hasAllKeys = true;
    assert.ok(down('F11', 'F11'));
    assert.deepEqual(sent, ['+F11 F11']);
  });

  test('the browser keeps what is not for the desktop', () => {
    const { sent, down } = keyboardOf('other');
    assert.ok(!down('F11', 'F11'));
    assert.ok(!down('AudioVolumeUp', 'AudioVolumeUp'));
    assert.deepEqual(sent, []);
  });

  test('what is typed into the page’s own fields stays there', () => {
    const { sent, down } = keyboardOf('other', () => false);
    assert.ok(!down('a', 'KeyA'));
    assert.deepEqual(sent, []);
  });

  test('a key that went down for the desktop goes up there, wherever the focus is', () => {
    let accepted = true;
    const { sent, down, up } = keyboardOf('other', () => accepted);
    down('a', 'KeyA');
    accepted = false;
    up('a', 'KeyA');
    assert.deepEqual(sent, ['+KeyA a', '-KeyA a']);
  });

  test('keys of an input method and dead keys are left alone', () => {
    const { sent, down, up } = keyboardOf('other');
    for (const key of ['Process', 'Unidentified', 'Dead']) assert.ok(!down(key, 'Quote'));
    assert.ok(!down('a', 'KeyA', { isComposing: true }));
    up('Dead', 'Quote');
    assert.deepEqual(sent, []);
  });

  test('a key that is for both reaches the browser as well', () => {
    const { sent, down } = keyboardOf('other', undefined, (event) => event.key === 'v');
    assert.ok(!down('v', 'KeyV', { ctrlKey: true }));
    assert.ok(down('c', 'KeyC', { ctrlKey: true }));
    assert.deepEqual(sent, ['+KeyV v', '+KeyC c']);
  });

  test('the loss of the focus lets go of everything, once', () => {
    const { sent, keyboard, down, up } = keyboardOf('other');
    down('a', 'KeyA');
    keyboard.release();
    assert.ok(!keyboard.isHolding);
    assert.ok(!up('a', 'KeyA'));
    assert.deepEqual(sent, ['+KeyA a', 'release']);
  });

  test('a modifier whose keyup was missed goes up before the next key', () => {
    const { sent, down } = keyboardOf('other');
    down('Alt', 'AltLeft', { altKey: true });
    down('a', 'KeyA');
    assert.deepEqual(sent, ['+AltLeft Alt', '-AltLeft Alt', '+KeyA a']);
  });
});

describe('Keyboard on macOS', () => {
  test('a key pressed with Command goes up at once, since its keyup never comes', () => {
    const { sent, keyboard, down, up } = keyboardOf('mac');
    down('Meta', 'MetaLeft', { metaKey: true });
    down('k', 'KeyK', { metaKey: true });
    up('Meta', 'MetaLeft');
    assert.deepEqual(sent, ['+MetaLeft Meta', '+KeyK k', '-KeyK k', '-MetaLeft Meta']);
    assert.ok(!keyboard.isHolding);
  });

  test('a key that was down before Command goes up with it', () => {
    const { sent, down, up } = keyboardOf('mac');
    down('c', 'KeyC');
    down('Meta', 'MetaLeft', { metaKey: true });
    up('Meta', 'MetaLeft');
    assert.deepEqual(sent.slice(2), ['-MetaLeft Meta', '-KeyC c']);
  });

  test('Command copies, cuts and pastes as Control does', () => {
    const { sent, down, up } = keyboardOf('mac');
    down('Meta', 'MetaLeft', { metaKey: true });
    down('c', 'KeyC', { metaKey: true });
    down('V', 'KeyV', { metaKey: true, shiftKey: true });
    up('Meta', 'MetaLeft');
    assert.deepEqual(sent, [
      '+MetaLeft Meta', '+ControlLeft Control', '-MetaLeft Meta', '+KeyC c', '-KeyC c', '-ControlLeft Control',
      '+ControlLeft Control', '+KeyV V', '-KeyV V', '-ControlLeft Control',
    ]);
  });

  test('CapsLock is pressed whether it goes on or off', () => {
    const { sent, down, up } = keyboardOf('mac');
    down('CapsLock', 'CapsLock');
    up('CapsLock', 'CapsLock');
    assert.deepEqual(sent, ['+CapsLock CapsLock', '-CapsLock CapsLock', '+CapsLock CapsLock', '-CapsLock CapsLock']);
  });
});

describe('Keyboard on Windows', () => {
  beforeEach((context) => {
    mockTimers('setTimeout');
    context.after?.(() => mock.timers.reset());
  });
  const reset = () => mock.timers.reset();

  test('AltGr is not Control and Alt', () => {
    const { sent, down, up } = keyboardOf('windows');
    down('Control', 'ControlLeft', { ctrlKey: true, timeStamp: 1000 });
    down('AltGraph', 'AltRight', { ctrlKey: true, altKey: true, timeStamp: 1000 });
    down('@', 'KeyQ', { ctrlKey: true, altKey: true });
    up('@', 'KeyQ');
    up('Control', 'ControlLeft');
    up('AltGraph', 'AltRight');
    mock.timers.tick(1000);
    assert.deepEqual(sent, ['+AltRight AltGraph', '+KeyQ @', '-KeyQ @', '-AltRight AltGraph']);
    reset();
  });

  test('Control goes down with the next key, or soon by itself', () => {
    const { sent, down, up } = keyboardOf('windows');
    down('Control', 'ControlLeft', { ctrlKey: true });
    down('c', 'KeyC', { ctrlKey: true });
    assert.deepEqual(sent, ['+ControlLeft Control', '+KeyC c']);
    up('c', 'KeyC');
    up('Control', 'ControlLeft');
    down('Control', 'ControlLeft', { ctrlKey: true });
    mock.timers.tick(50);
    assert.equal(sent.at(-1), '+ControlLeft Control');
    reset();
  });

  test('a Control that was only tapped is sent whole', () => {
    const { sent, down, up } = keyboardOf('windows');
    down('Control', 'ControlLeft', { ctrlKey: true });
    up('Control', 'ControlLeft');
    assert.deepEqual(sent, ['+ControlLeft Control', '-ControlLeft Control']);
    reset();
  });

  test('PrintScreen, which only goes up, is pressed', () => {
    const { sent, up } = keyboardOf('windows');
    up('PrintScreen', 'PrintScreen');
    assert.deepEqual(sent, ['+PrintScreen PrintScreen', '-PrintScreen PrintScreen']);
    reset();
  });
});
