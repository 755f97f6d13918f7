// The connection: what the page says as JSON, what it hears as a header with arrays. One that is lost is made again.

const isServed = true; // other than in the page that is one file, where local/connect.js stands in this place
const ARRAYS = { f4: Float32Array, u1: Uint8Array };
const SOONEST = 500,
  LATEST = 8000; // milliseconds from one attempt to the next

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

// The connection at that path. Calls `handlers[kind](message)` for each message, `opened()` each time that it is there,
// and when it is lost `gone()`, which says whether another attempt is to be made.
function connect(handlers, opened, gone, path = "/socket") {
  const token = new URLSearchParams(location.search).get("token") ?? "";
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  let socket = null,
    pause = SOONEST;
  function open() {
    socket = new WebSocket(`${scheme}//${location.host}${path}?token=${encodeURIComponent(token)}`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      pause = SOONEST;
      opened();
    });
    socket.addEventListener("close", () => {
      if (!gone()) return;
      setTimeout(open, pause);
      pause = Math.min(2 * pause, LATEST);
    });
    socket.addEventListener("message", (event) => {
      const message = unpack(event.data);
      handlers[message.kind]?.(message);
    });
  }
  open();
  return (kind, fields = {}) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ kind, ...fields }));
  };
}

export { connect, isServed };
