// Puts the page together.

import { connectCards } from "./cards.js";
import { Drawing, SIDE } from "./drawing.js";
import { connectGallery } from "./gallery.js";
import { connectKeep } from "./keep.js";
import { connectKeyboardPen } from "./keyboard_pen.js";
import { Models } from "./models.js";
import { Outbox } from "./outbox.js";
import { connectNumber } from "./number_view.js";
import { connectPad } from "./pad.js";
import { connectPicker } from "./picker.js";
import { Predictions } from "./predictions.js";
import { connectSession } from "./session.js";
import { connectShortcuts } from "./shortcuts.js";
import { connectStatus } from "./status.js";
import { storage } from "./storage.js";
import { connectViews } from "./views.js";

const at = (id) => document.getElementById(id);
const drawing = new Drawing();
const line = new Drawing(2 * SIDE, 0.6); // of several digits
const models = new Models();
const predictions = new Predictions(drawing, models);

connectPad(at("pad"), drawing);
connectKeyboardPen(at("pad"), drawing);
connectPad(at("number-pad"), line);
connectKeyboardPen(at("number-pad"), line);
const number = connectNumber(models, line);
connectPicker(models);
connectCards(at("cards"), models, predictions, drawing, () => number.take(drawing.strokes));
const fail = connectStatus(models, predictions);
const gallery = connectGallery();
const keep = connectKeep(drawing, models, predictions, gallery.recount);
const inSession = connectSession(drawing, new Outbox(models), gallery.recount);
connectShortcuts({ draw: drawing, number }, (digit) => inSession() || keep(digit)); // a session knows the label
connectViews({ draw: gallery.recount, gallery: () => gallery.load() });

at("undo").addEventListener("click", () => drawing.undo());
at("clear").addEventListener("click", () => drawing.clear());
const tools = () => {
  at("undo").disabled = at("clear").disabled = drawing.empty;
  at("invitation").hidden = !drawing.empty;
};
drawing.addEventListener("grow", tools);
drawing.addEventListener("change", tools);

// For tests and for the console.
window.inkproof = { drawing, line, models, number, predictions, storage };

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("sw.js").catch((error) => console.info(`no offline mode: ${error.message}`));
}

try {
  await models.load();
} catch (error) {
  fail(`The models cannot be loaded: ${error.message}. Reload the page to try again.`);
}
