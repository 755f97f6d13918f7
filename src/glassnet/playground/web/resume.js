// What is needed to tell the training again when the connection was lost: how it began, and what was changed since.

let begun = null,
  changes = [],
  table = null, // the file that was sent, as it was sent
  last = null, // the frame that was on the screen when the connection was lost
  isWaiting = false;

function noteStructure({ setting }) {
  begun = { ...setting };
  changes = [];
}

function noteChanges(message) {
  ({ changes } = message);
}

function noteTable(fields) {
  table = fields;
}

function noteLost(frame) {
  last ??= frame;
}

// Asks the server for the training as it was; true if there was one. Until it is there, nothing else is shown.
function resume(tell, pace) {
  if (!begun || !last) return false;
  isWaiting = true;
  tell("pace", { epochs_per_second: pace });
  if (table && begun.dataset === "table") tell("table", table);
  tell("resume", { setting: begun, changes, epochs: last.epoch, batch: last.batch });
  return true;
}

// The training is there again: whether it was going on.
function resumed() {
  const wasPlaying = last?.playing ?? false;
  isWaiting = false;
  last = null;
  return wasPlaying;
}

// The setting to begin with where the training cannot be told again.
function givenUp() {
  if (!isWaiting) return null;
  resumed();
  return begun;
}

function isResuming() {
  return isWaiting;
}

export { givenUp, isResuming, noteChanges, noteLost, noteStructure, noteTable, resume, resumed };
