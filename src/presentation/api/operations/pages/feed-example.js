const url = new URL('ws', globalThis.location ?? 'http://localhost:8000');
const socket = new WebSocket(url);
socket.onopen = () => socket.send(JSON.stringify({ op: 'subscribe', after: '0' }));
socket.onmessage = ({ data }) => console.log(data);
