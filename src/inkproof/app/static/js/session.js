// A session: the page asks for the digits 0 to 9 in random order, in several rounds. It keeps each drawing with the
// label that it asked for.

import { say } from "./announce.js";
import { deviceClass } from "./device.js";
import { remember, remembered } from "./memory.js";

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const MOST = 10; // rounds
const at = (id) => document.getElementById(id);

// Returns a function that says whether a session is running. `kept` is called when a drawing is kept.
export function connectSession(drawing, outbox, kept) {
  const invitation = at("invitation").textContent;
  const wanted = Number.parseInt(new URLSearchParams(location.search).get("session"), 10); // of ?session=2
  let session = remembered("session", null);
  if (!Array.isArray(session?.order)) session = null;
  const running = () => session !== null && session.at < session.order.length;

  at("open-session").addEventListener("click", open);
  at("session-cancel").addEventListener("click", () => at("session-start").close());
  at("session-form").addEventListener("submit", start);
  at("session-keep").addEventListener("click", keep);
  at("session-skip").addEventListener("click", skip);
  at("session-stop").addEventListener("click", () => change({ order: session.order.slice(0, session.at) }));
  at("session-again").addEventListener("click", () => {
    close();
    open();
  });
  at("session-close").addEventListener("click", close);
  drawing.addEventListener("grow", ready);
  drawing.addEventListener("change", ready);
  outbox.addEventListener("change", tell);
  outbox.addEventListener("sent", ({ detail }) => {
    kept();
    if (detail.session === session?.name) change({ sent: session.sent + 1, right: session.right + detail.right });
  });
  // Enter is Done, unless the focus is on a control that uses Enter itself.
  document.addEventListener("keydown", (event) => {
    const busy = document.querySelector("dialog[open]") || event.target.closest?.("a, button, input, select, summary");
    if (event.key !== "Enter" || event.repeat || busy || !running() || at("draw").hidden) return;
    event.preventDefault();
    keep();
  });
  // Another tab of this browser goes on with the same session.
  window.addEventListener("storage", ({ key }) => {
    if (key !== "inkproof.session") return;
    const before = session;
    session = remembered("session", null);
    if (session?.name !== before?.name || session?.at !== before?.at) drawing.clear();
    show();
  });
  if (session !== null && !running()) session = null; // it was over before the page was left
  show();
  if (session === null && wanted) open();

  function open() {
    at("session-form").reset(); // the next person has another name, and has not consented
    at("session-rounds").value = Math.min(MOST, Math.max(1, wanted || 2));
    at("session-terms").textContent = at("terms").textContent;
    at("session-start").showModal();
  }

  function start(event) {
    // The server accepts only names of one line without invisible characters.
    const writer = at("session-writer").value.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
    if (!writer) return event.preventDefault();
    const order = [];
    for (let round = 0; round < at("session-rounds").valueAsNumber; round++) {
      let digits;
      do digits = shuffled(DIGITS);
      while (digits[0] === order.at(-1)); // the same digit twice in a row would look like a mistake
      order.push(...digits);
    }
    session = { name: `${writer} ${Date.now()}`, writer, order, at: 0, skipped: 0, sent: 0, right: 0 };
    location.hash = "draw";
    at("session-start").addEventListener("close", () => next({}), { once: true }); // until then the paper takes no focus
  }

  function keep() {
    if (drawing.empty) return say(`${asked()} first.`);
    const { strokes, pointer } = drawing;
    const label = session.order[session.at];
    outbox.add({ session: session.name, label, writer: session.writer, strokes, device: deviceClass(), pointer });
    next({ at: session.at + 1 });
  }

  function skip() {
    next({ at: session.at + 1, skipped: session.skipped + 1 });
  }

  function next(changes) {
    drawing.clear();
    change(changes);
    if (running()) at("pad").focus({ preventScroll: true });
  }

  function change(changes) {
    Object.assign(session, changes);
    remember("session", session);
    show();
    if ("at" in changes || "order" in changes) say(running() ? `${asked()}. ${count()}` : summary());
  }

  function close() {
    session = null;
    remember("session", null);
    show();
  }

  function show() {
    at("draw").classList.toggle("in-session", session !== null);
    at("draw").classList.toggle("over", session !== null && !running());
    for (const id of ["session-ask", "session-tell"]) at(id).hidden = session === null;
    at("invitation").textContent = running() ? asked() : invitation;
    if (session === null) return;
    for (const id of ["session-keep", "session-skip", "session-stop", "session-progress"]) at(id).hidden = !running();
    for (const id of ["session-again", "session-close"]) at(id).hidden = running();
    at("session-digit").textContent = running() ? asked() : `Thank you, ${session.writer}.`;
    at("session-count").textContent = running() ? `${session.writer}, ${count()}` : summary();
    at("session-progress").max = session.order.length;
    at("session-progress").value = session.at;
    ready();
    tell();
  }

  function ready() {
    at("session-keep").setAttribute("aria-disabled", String(drawing.empty));
  }

  // Says how many drawings are still on this device.
  function tell() {
    const one = outbox.size === 1;
    const waiting = outbox.trouble && `${outbox.size} ${one ? "drawing waits" : "drawings wait"} on this device: ${outbox.trouble}. `;
    at("session-sent").textContent = outbox.size && waiting ? `${waiting}You may go on. Nothing is lost.` : "";
  }

  function asked() {
    const digit = session.order[session.at];
    return `Draw ${digit === 8 ? "an" : "a"} ${digit}`;
  }

  function count() {
    return `${session.at + 1} of ${session.order.length}`;
  }

  function summary() {
    const { order, skipped, sent, right } = session;
    const drawn = `${order.length - skipped} drawn, ${skipped} skipped.`;
    return sent ? `${drawn} ${sent} kept, ${right} of them predicted correctly.` : drawn;
  }

  return running;
}

function shuffled(digits) {
  const left = [...digits];
  for (let last = left.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [left[last], left[other]] = [left[other], left[last]];
  }
  return left;
}
