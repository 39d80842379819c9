// "It was a 7": with consent, the drawing is kept with its label and the prediction.

import { say, toast } from "./announce.js";
import { deviceClass } from "./device.js";
import { SIDE } from "./drawing.js";
import { fillLabels } from "./labels.js";
import { remember, remembered } from "./memory.js";
import { storage } from "./storage.js";
import { label } from "./wording.js";

const TICK = "Tick the box first.";
const DRAW = "Draw a digit first.";

export function connectKeep(drawing, models, predictions, kept) {
  const consent = document.getElementById("consent");
  const writer = document.getElementById("writer");
  const buttons = document.getElementById("labels");
  const hint = document.getElementById("labels-hint");
  const section = document.querySelector(".keep");
  let saving = false;
  document.getElementById("terms").textContent = storage.terms;

  fillLabels(buttons, keep);
  consent.checked = remembered("consent", false);
  writer.value = remembered("writer", "me");
  const ready = () => {
    section.classList.toggle("consented", consent.checked);
    const missing = consent.checked ? drawing.empty && DRAW : TICK;
    hint.textContent = missing || "Press its label.";
    // Marked as disabled for a screen reader. When pressed they still announce what is missing.
    for (const button of buttons.children) button.setAttribute("aria-disabled", String(Boolean(missing)));
  };
  consent.addEventListener("change", () => {
    remember("consent", consent.checked);
    ready();
  });
  writer.addEventListener("change", () => remember("writer", writer.value.trim() || "me"));
  drawing.addEventListener("grow", ready);
  drawing.addEventListener("change", ready);
  ready();

  async function keep(digit) {
    if (drawing.empty) return say(DRAW);
    if (!consent.checked) {
      toast(TICK);
      return consent.focus();
    }
    if (saving) return;
    saving = true;
    const pointer = drawing.pointer;
    const strokes = structuredClone(drawing.strokes);
    try {
      await predictions.settled();
      const [model] = models.selected;
      const prediction = predictions.latest.get(model.name);
      if (!prediction || prediction.error) throw new Error("there is no prediction for it");
      const one = await storage.keep({
        label: digit,
        writer: writer.value.trim() || "me",
        strokes,
        canvas: [SIDE, SIDE],
        predicted: prediction.accepted ? prediction.digit : null,
        model: model.name,
        version: model.version,
        device: deviceClass(),
        pointer,
      });
      drawing.clear();
      kept();
      toast(`Kept as ${label(digit)}.`, ["Undo", () => takeBack(one.id, strokes)]);
    } catch (error) {
      toast(`Not kept: ${error.message}.`);
    } finally {
      saving = false;
    }
  }

  async function takeBack(id, strokes) {
    try {
      await storage.remove(id);
      kept();
      if (drawing.empty) drawing.set(strokes);
      say("Taken back");
    } catch (error) {
      toast(`Still kept: ${error.message}.`);
    }
  }

  return keep;
}
