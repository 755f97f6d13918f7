// A table of the user's, from the disk to the server.

const MOST_UPLOAD = 16_000_000;

// The message of a table; null for a file that is too large.
async function tableOf(file) {
  if (file.size > MOST_UPLOAD) return null;
  return { content: await inBase64(file), name: file.name.slice(-200) };
}

// The bytes as they are: which encoding a text has, the server finds out.
function inBase64(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => failed(reader.error));
    reader.readAsDataURL(file);
  });
}

export { tableOf };
