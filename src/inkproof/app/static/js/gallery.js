// The gallery: filter, correct and delete the kept drawings.

import { say, toast } from "./announce.js";
import { fit, paint } from "./ink.js";
import { fillLabels, LABELS, markLabel } from "./labels.js";
import { storage } from "./storage.js";
import { label } from "./wording.js";

const TOOLS = { touch: "a finger", pen: "a pen", mouse: "a mouse", keyboard: "the keyboard" };
const at = (id) => document.getElementById(id);

export function connectGallery() {
  const list = at("drawings");
  let before = null;
  let edited = null; // the drawing in the editor, and its item in the list
  let requests = 0;

  at("export").hidden = !storage.exported;
  at("export").addEventListener("click", exportAll);
  for (const digit of LABELS) at("filter-label").append(new Option(label(digit), digit ?? "none"));
  for (const id of ["filter-label", "filter-writer", "filter-wrong"]) at(id).addEventListener("change", () => load());
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("more").addEventListener("click", () => load(true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const item of list.children) item.repaint();
  });

  async function load(further = false) {
    const request = ++requests;
    try {
      const page = await storage.find({
        label: at("filter-label").value,
        writer: at("filter-writer").value,
        wrong: at("filter-wrong").checked,
        before: further ? before : null,
      });
      if (request !== requests) return; // another filter was chosen meanwhile
      if (!further) list.replaceChildren();
      list.append(...page.damaged.map(damagedItem), ...page.drawings.map(itemOf));
      for (const item of list.children) item.repaint();
      before = page.before;
      at("more").hidden = before === null;
      count(page.counts);
      explainEmpty(page.counts.total);
    } catch (error) {
      list.replaceChildren();
      at("more").hidden = true;
      at("gallery-count").textContent = "";
      at("gallery-empty").textContent = `The gallery cannot be shown: ${error.message}.`;
    }
    at("gallery-empty").hidden = list.children.length > 0;
    const number = list.children.length;
    if (!further) say(number === 1 ? "One drawing shown" : `${number} drawings shown`);
  }

  function explainEmpty(total) {
    at("gallery-empty").textContent = total
      ? "No drawing matches this filter."
      : "No drawings are kept yet. Draw a digit, tick the box and press its label.";
  }

  function count(counts) {
    const chip = at("kept-count");
    chip.textContent = counts.total;
    chip.hidden = !counts.total;
    const right = counts.total - counts.wrong;
    at("gallery-count").textContent = counts.total ? `${counts.total} kept, ${right} predicted correctly` : "";
    const writers = at("filter-writer");
    const chosen = writers.value;
    writers.replaceChildren(new Option("everyone", ""), ...Object.keys(counts.writers).sort().map((name) => new Option(name, name)));
    writers.value = chosen in counts.writers ? chosen : "";
  }

  function itemOf(drawing) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const canvas = document.createElement("canvas");
    canvas.className = "image";
    const words = document.createElement("span");
    button.append(canvas, words);
    button.addEventListener("click", () => edit(item));
    item.append(button);
    item.show = (one) => {
      item.drawing = one;
      const right = one.label === one.predicted;
      item.classList.toggle("wrong", !right);
      // The visible texts, and between them the words that only a screen reader needs.
      words.replaceChildren(
        tag("b", one.label === null ? "–" : one.label),
        unseen(`${one.label === null ? " not a digit" : ""}, ${right ? "predicted correctly" : "predicted as "}`),
        right ? "" : tag("s", one.predicted ?? "–"),
        unseen(`${!right && one.predicted === null ? " not a digit" : ""}, drawn by ${one.writer}`),
      );
    };
    item.repaint = () => {
      fit(canvas);
      paint(canvas, scaled(item.drawing));
    };
    item.show(drawing);
    return item;
  }

  // A row of the database that is no drawing: its id, what is wrong with it, and a button that deletes it.
  function damagedItem({ id, error }) {
    const item = document.createElement("li");
    item.className = "damaged";
    const button = tag("button", "Delete");
    button.type = "button";
    button.setAttribute("aria-label", `Delete ${id}`);
    button.addEventListener("click", async () => {
      try {
        await storage.remove(id);
        item.remove();
        recount();
        say("Deleted");
      } catch (failure) {
        toast(`Not deleted: ${failure.message}.`);
      }
    });
    item.append(tag("p", `${id} is damaged. ${error}`), button);
    item.repaint = () => {};
    return item;
  }

  function edit(item) {
    edited = item;
    const { drawing } = item;
    at("editor").showModal();
    fit(at("editor-image"));
    paint(at("editor-image"), scaled(drawing));
    const when = new Date(drawing.created).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    at("editor-facts").textContent =
      `Predicted by ${drawing.model}: ${label(drawing.predicted)}. Drawn with ${TOOLS[drawing.pointer]} on a ${drawing.device}, ${when}.`;
    at("editor-image").setAttribute("aria-label", `Drawing of ${label(drawing.label)}`);
    at("editor-writer").value = drawing.writer;
    markLabel(at("editor-labels"), drawing.label);
    at("editor-delete").textContent = "Delete";
  }

  async function correct(change) {
    try {
      edited.show(await storage.correct(edited.drawing.id, change));
      markLabel(at("editor-labels"), edited.drawing.label);
      say(`Now ${label(edited.drawing.label)}, drawn by ${edited.drawing.writer}`);
      if (!at("editor").open) settle(); // closing the editor leaves the name's field, which sends the name
    } catch (error) {
      toast(`Not changed: ${error.message}.`);
    }
  }

  fillLabels(at("editor-labels"), (digit) => correct({ label: digit }));
  at("editor-writer").addEventListener("change", (event) => correct({ writer: event.target.value.trim() || "me" }));
  at("editor-delete").addEventListener("click", async (event) => {
    if (event.target.textContent === "Delete") {
      event.target.textContent = "Delete for good?";
      return;
    }
    try {
      await storage.remove(edited.drawing.id);
      edited.remove();
      at("editor").close();
      say("Deleted");
    } catch (error) {
      toast(`Not deleted: ${error.message}.`);
    }
  });

  // A corrected drawing may no longer match the filters. It stays visible while the editor is open.
  at("editor").addEventListener("close", settle);

  function settle() {
    if (!matches(edited.drawing)) edited.remove();
    recount();
  }

  function matches({ label: digit, predicted, writer }) {
    const [wanted, by] = [at("filter-label").value, at("filter-writer").value];
    return (!wanted || wanted === String(digit ?? "none")) && (!by || by === writer) && !(at("filter-wrong").checked && digit === predicted);
  }

  async function recount() {
    try {
      const counts = await storage.counts();
      count(counts);
      explainEmpty(counts.total);
    } catch {
      // The gallery shows the error when it opens.
    }
    at("gallery-empty").hidden = list.children.length > 0;
  }

  async function exportAll() {
    try {
      const file = await storage.exported();
      if (!file.size) return toast("No drawings are kept yet.");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = `inkproof-drawings-${new Date().toISOString().slice(0, 10)}.jsonl`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when the browser has surely read it
      toast("Exported. python src/drawings.py import FILE reads the file.");
    } catch (error) {
      toast(`Not exported: ${error.message}.`);
    }
  }

  return { load, recount };
}

// Strokes of a canvas of any size in pixels of 280 x 280, centered, as the server draws them.
function scaled({ strokes, canvas: [width, height] }) {
  const scale = 280 / Math.max(width, height);
  if (scale === 1 && width === height) return strokes;
  const [left, top] = [(280 - scale * width) / 2, (280 - scale * height) / 2];
  return strokes.map((stroke) => stroke.map(([x, y, ...more]) => [x * scale + left, y * scale + top, ...more]));
}

function unseen(words) {
  const element = tag("span", words);
  element.className = "unseen";
  return element;
}

function tag(name, content) {
  const element = document.createElement(name);
  element.textContent = content;
  return element;
}
