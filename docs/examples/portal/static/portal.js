/** What the portal does with its desktops: it shows how they are, and has them do things. */

const course = /** @type {HTMLIFrameElement} */ (document.getElementById('course'));
const { DesktopFrame } = await import(new URL('frame.js', course.src).href);

async function getTicket() {
  const response = await fetch('/ticket/2', { method: 'POST' });
  return (await response.json()).ticket;
}

const frame = new DesktopFrame(course, getTicket);
const desktops = { lab: document.getElementById('lab'), office: document.getElementById('office'), course: frame };
const told = window.told = [];

for (const [name, desktop] of Object.entries(desktops)) {
  const state = document.querySelector(`[data-of=${name}]`);
  for (const type of ['connect', 'disconnect', 'resize', 'clipboard', 'control', 'error']) {
    desktop.addEventListener(type, ({ detail }) => {
      told.push([name, type, detail]);
      if (type === 'connect') state.textContent = 'connected';
      if (type === 'disconnect' || type === 'error') state.textContent = 'not connected';
    });
  }
}

document.querySelector('[data-do=full-screen]').addEventListener('click', () => desktops.lab.requestFullscreen());
document.querySelector('[data-do=screenshot]').addEventListener('click', async () => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await desktops.lab.screenshot());
  link.download = 'laboratory.png';
  link.click();
});

window.frame = frame;
