// The view Number: recognizes digits that are written side by side, after each stroke, or those in an image.

import { CALM, say } from "./announce.js";
import { SIDE } from "./drawing.js";
import { levelsOf, showLevels } from "./levels.js";
import { percent } from "./wording.js";

const ROUND = 8; // units of the paper between the middle of a stroke and the frame around it
const at = (id) => document.getElementById(id);

export function connectNumber(models, drawing) {
  const hint = at("number-status").textContent;
  let image = null; // the gray levels of an opened image
  let latest = 0;
  let reading = Promise.resolve();
  let control = new AbortController();
  let timer = 0;

  // Recognizes what is there now. Calls wait for the running one. Of those that wait, only the last one counts.
  function refresh() {
    const turn = ++latest;
    control.abort();
    control = new AbortController();
    const { signal } = control;
    clearTimeout(timer);
    tools();
    if (image) show(null, "Reading …"); // it may take seconds
    reading = reading.then(async () => {
      if (turn !== latest) return;
      if (!image && drawing.empty) return show(null);
      const model = models.selected[0];
      if (!model) return show(null, "The models are loading …");
      try {
        const started = performance.now();
        const found = await models.read(model, image ? { image } : { strokes: structuredClone(drawing.strokes) }, signal);
        if (turn !== latest) return;
        show(found);
        explain(model, performance.now() - started);
      } catch (error) {
        if (turn === latest) show(null, `Not read: ${error.message}.`);
      }
      timer = setTimeout(() => !at("number").hidden && !drawing.drawing && say(at("number-verdict").textContent), CALM);
    });
  }

  function show(found, problem = "") {
    const digits = found?.digits ?? [];
    at("number-verdict").textContent = problem || verdict(found);
    at("number-status").textContent = hint;
    at("number-digits").replaceChildren(...digits.map(itemOf));
    const [width, height] = image ? [image.width, image.height] : [drawing.width, SIDE];
    const round = image ? 0 : ROUND;
    at("number-boxes").replaceChildren(
      ...digits.map(({ box, accepted }) => {
        const [left, top, right, bottom] = box.map((edge, index) => edge + (index < 2 ? -round : round));
        const frame = document.createElement("span");
        frame.classList.toggle("rejected", !accepted);
        const share = (part, whole) => `${(100 * part) / whole}%`;
        Object.assign(frame.style, { left: share(left, width), top: share(top, height) });
        Object.assign(frame.style, { width: share(right - left, width), height: share(bottom - top, height) });
        return frame;
      }),
    );
  }

  function explain(model, milliseconds) {
    const where = models.place === "browser" ? "in this browser, nothing is sent" : "on the server";
    at("number-status").textContent = `Read with ${model.name} ${where} (${Math.round(milliseconds)} ms).`;
  }

  function tools() {
    at("number-undo").disabled = drawing.empty || Boolean(image);
    at("number-clear").disabled = drawing.empty && !image;
    at("number-invitation").hidden = Boolean(image) || !drawing.empty;
    at("number-image").hidden = !image;
    at("number-pad").hidden = Boolean(image);
    at("number-paper").style.setProperty("--ratio", image ? image.width / image.height : drawing.width / SIDE);
  }

  // Opens an image in place of what was there. What is opened, written or cleared meanwhile comes first.
  async function open(file) {
    const turn = ++latest;
    const [levels, problem] = await levelsOf(file).then((found) => [found, ""], (error) => [null, error.message]);
    if (turn !== latest) return;
    image = null;
    drawing.clear();
    image = levels;
    if (image) showLevels(at("number-image"), image);
    refresh();
    if (problem) reading = reading.then(() => show(null, `Not read: ${problem}.`));
  }

  const clear = () => {
    image = null;
    if (drawing.empty) refresh();
    else drawing.clear();
  };
  drawing.addEventListener("grow", tools);
  drawing.addEventListener("lift", refresh);
  drawing.addEventListener("change", refresh);
  models.addEventListener("change", refresh);
  at("number-undo").addEventListener("click", () => drawing.undo());
  at("number-clear").addEventListener("click", clear);
  at("number-open").addEventListener("click", () => at("number-file").click());
  at("number-file").addEventListener("change", ({ target }) => {
    if (target.files.length) open(target.files[0]);
    target.value = ""; // the same file can be opened again
  });

  return {
    clear,
    undo: () => image || drawing.undo(),
    settled: () => reading,
    // Opens the view with strokes of the paper for one digit.
    take(strokes) {
      image = null;
      const left = (drawing.width - SIDE) / 2;
      drawing.set(strokes.map((stroke) => stroke.map(([x, ...more]) => [x + left, ...more])));
      location.hash = "number";
    },
  };
}

function itemOf({ digit, probabilities, accepted }) {
  const item = document.createElement("li");
  item.classList.toggle("rejected", !accepted);
  const sign = document.createElement("b");
  sign.textContent = accepted ? digit : "?";
  const words = document.createElement("span");
  words.textContent = accepted ? percent(probabilities[digit]) : `perhaps ${digit}`;
  item.append(sign, words);
  return item;
}

function verdict(found) {
  if (!found) return "Nothing written yet";
  if (!found.ink) return "No ink found";
  return found.accepted ? `${found.number} is read` : `${found.number}, not all are digits`;
}
