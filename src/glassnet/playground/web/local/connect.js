// In the place of socket.js, where there is no server: what would answer runs in a worker of the page.

const isServed = false;

function connect(handlers, opened) {
  const source = JSON.parse(document.getElementById("worker").textContent);
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  worker.addEventListener("message", ({ data }) => handlers[data.kind]?.(data));
  setTimeout(opened);
  return (kind, fields = {}) => worker.postMessage({ kind, ...fields });
}

export { connect, isServed };
