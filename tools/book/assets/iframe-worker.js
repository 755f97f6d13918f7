// The search runs in a worker, which browsers refuse to pages opened from a file: there a hidden frame does its work.
"use strict";
if (location.protocol === "file:") {
  window.Worker = window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super();
      this.waiting = [];
      this.ready = false;
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      window.addEventListener("message", (event) => {
        if (event.source !== this.frame.contentWindow) return;
        const answer = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(answer);
        this.onmessage?.(answer);
      });
      this.frame.addEventListener("load", () => {
        this.ready = true;
        for (const message of this.waiting.splice(0)) this.postMessage(message);
      });
      const script = new URL(address, document.baseURI).href;
      this.frame.srcdoc = `<body><script>
        const answer = window.parent.postMessage.bind(window.parent);
        window.postMessage = (data) => answer(data, "*");
        window.importScripts = async (...addresses) => {
          for (const address of addresses) {
            const tag = document.createElement("script");
            tag.src = address;
            await new Promise((done, failed) => {
              tag.onload = done;
              tag.onerror = failed;
              document.body.append(tag);
            });
          }
        };
      <\/script><script src="${script}"><\/script>`;
      document.body.append(this.frame);
    }

    postMessage(message) {
      if (this.ready) this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: message }));
      else this.waiting.push(message);
    }

    terminate() {
      this.frame.remove();
    }
  };
}
