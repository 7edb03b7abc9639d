const HEALTH_MS = 5_000;
const AGAIN_MS = 2_000;

const show = (id, text, className = '') => Object.assign(document.getElementById(id), { textContent: text, className });

for (const link of document.querySelectorAll('dd a')) link.textContent = link.href;
const feed = new URL('ws', location.href);
feed.protocol = feed.protocol.replace('http', 'ws');
show('feed', feed.href);

const askHealth = async () => {
  try {
    const { status, checks } = await (await fetch('health')).json();
    const told = Object.entries(checks).map(([name, state]) => `${name} ${state}`);
    show('health', `${status} (${told.join(', ')})`, status === 'ok' ? 'good' : 'bad');
  } catch {
    show('health', 'the service does not answer', 'bad');
  }
  setTimeout(askHealth, HEALTH_MS);
};
askHealth();

// Events may come by thousands: what is shown is the last one before each frame.
let shown;
let painting = false;
const showHead = (message) => {
  shown = message;
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    const { position, type, time } = shown;
    const last = type === undefined ? '' : `; the last one ${type.split('.').at(-2)} at ${new Date(time).toLocaleTimeString()}`;
    show('log', `${Number(position).toLocaleString('en')} ${position === '1' ? 'event' : 'events'}${last}`);
  });
};

const follow = () => {
  const socket = new WebSocket(feed);
  socket.onopen = () => socket.send(JSON.stringify({ op: 'subscribe' }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.op === 'error') socket.close();
    else showHead(message);
  };
  socket.onclose = () => {
    if (shown === undefined) show('log', 'the live feed cannot be reached; trying again', 'bad');
    setTimeout(follow, AGAIN_MS);
  };
};
follow();
