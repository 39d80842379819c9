// Drawings that are being sent to the storage. Each stays on this device until the storage has it, also after a reload.

import { newId, SIDE } from "./drawing.js";
import { remembered } from "./memory.js";
import { rasterized } from "./raster.js";
import { storage } from "./storage.js";

const PLACE = "inkproof.waiting."; // of a drawing in the browser's storage; its id follows
const FIRST = 1000; // milliseconds until the second try; each further pause is twice as long
const LONGEST = 30_000;

export class Outbox extends EventTarget {
  trouble = ""; // why drawings wait, if one could not be sent
  #models;
  #waiting = new Map(); // id: drawing
  #refused = new Set(); // ids that the storage rejected; they are sent again after a reload
  #unsafe = new Set(); // ids that a reload would lose, since the browser stores nothing
  #sending = false;
  #pause = FIRST;
  #timer = 0;

  constructor(models) {
    super();
    this.#models = models;
    for (const [id, drawing] of stored()) this.#waiting.set(id, drawing);
    models.addEventListener("change", () => this.#send());
    window.addEventListener("online", () => this.#send());
    window.addEventListener("beforeunload", (event) => this.#unsafe.size && event.preventDefault());
  }

  get size() {
    return this.#waiting.size;
  }

  // Adds a drawing: the fields that are kept, but for the prediction, and the name of its session.
  add(drawing) {
    const id = newId();
    this.#waiting.set(id, drawing);
    try {
      localStorage.setItem(PLACE + id, JSON.stringify({ ...drawing, drawn: Date.now() }));
    } catch {
      this.#unsafe.add(id);
    }
    this.#send();
  }

  // Sends one drawing after another. Because of its id, the storage keeps a drawing once, however often it is sent.
  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    this.trouble = "";
    for (let id; (id = [...this.#waiting.keys()].find((one) => !this.#refused.has(one))); ) {
      const { session, drawn, ...drawing } = this.#waiting.get(id);
      try {
        const prediction = await this.#predict(drawing.strokes);
        await storage.keep({ id, canvas: [SIDE, SIDE], ...drawing, ...prediction });
        this.#done(id, { session, right: prediction.predicted === drawing.label });
      } catch (error) {
        if (error.status === 409) this.#done(id, { session, right: false }); // it was kept, and somebody deleted it
        else {
          this.trouble = error.message;
          if (error.status >= 400 && error.status < 500) this.#refused.add(id);
          else break;
        }
      }
    }
    this.#sending = false;
    if (this.#waiting.size > this.#refused.size) {
      this.#timer = setTimeout(() => this.#send(), this.#pause * (0.75 + Math.random() / 2)); // not all of a class at once
      this.#pause = Math.min(LONGEST, 2 * this.#pause);
    }
    this.dispatchEvent(new Event("change"));
  }

  #done(id, detail) {
    this.#pause = FIRST;
    this.#waiting.delete(id);
    if (!this.#unsafe.delete(id)) localStorage.removeItem(PLACE + id);
    this.dispatchEvent(new CustomEvent("sent", { detail }));
  }

  async #predict(strokes) {
    const [model] = this.#models.selected;
    if (!model) throw new Error("the models are not loaded yet");
    const { accepted, digit } = await this.#models.predict(model, rasterized(strokes));
    return { predicted: accepted ? digit : null, model: model.name, version: model.version };
  }
}

// In the order in which they were drawn, which the browser's storage does not keep.
function stored() {
  const found = [];
  try {
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PLACE))) {
      const id = key.slice(PLACE.length);
      const drawing = remembered(`waiting.${id}`, null); // null for a damaged one
      if (Array.isArray(drawing?.strokes)) found.push([id, drawing]);
    }
  } catch {
    // The browser stores nothing.
  }
  return found.sort(([, one], [, other]) => one.drawn - other.drawn);
}
