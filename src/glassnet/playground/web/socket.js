// The connection: what the page says as JSON, what it hears as a header with arrays.

const ARRAYS = { f4: Float32Array, u1: Uint8Array };

function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let start = 4 + length;
  const arrays = {};
  for (const { name, kind, shape } of header.arrays) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    arrays[name] = new ARRAYS[kind](buffer, start, size);
    start += Math.ceil(arrays[name].byteLength / 4) * 4;
  }
  return { ...header, arrays };
}

// The connection at that path. Calls `handlers[kind](message)` for each message, `gone()` when the server is away.
function connect(handlers, opened, gone, path = "/socket") {
  const token = new URLSearchParams(location.search).get("token") ?? "";
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}${path}?token=${encodeURIComponent(token)}`);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", opened);
  socket.addEventListener("close", gone);
  socket.addEventListener("message", (event) => {
    const message = unpack(event.data);
    handlers[message.kind]?.(message);
  });
  return (kind, fields = {}) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ kind, ...fields }));
  };
}

export { connect };
