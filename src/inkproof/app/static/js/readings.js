// While one draws: the drawing is read by every chosen model, the newest state at the latest with the next frame.

import { Raster } from "./raster.js";

export class Readings extends EventTarget {
  latest = new Map(); // name of a model: its reading of the drawing as it is now
  #drawing;
  #models;
  #raster = new Raster();
  #stale = false;
  #busy = false;

  constructor(drawing, models) {
    super();
    this.#drawing = drawing;
    this.#models = models;
    drawing.addEventListener("change", () => this.#raster.reset()); // something was taken away
    for (const change of ["grow", "lift", "change"]) drawing.addEventListener(change, () => this.refresh());
    models.addEventListener("change", () => this.refresh());
  }

  // Gray levels of the drawing, as the network gets them.
  levels() {
    this.#raster.draw(this.#drawing.strokes);
    return this.#raster.levels();
  }

  refresh() {
    this.#stale = true;
    if (this.#busy) return;
    this.#busy = true;
    // A page in the background gets no frames.
    (document.hidden ? queueMicrotask : requestAnimationFrame)(() => this.#read());
  }

  // Resolves when what is drawn now has been read.
  async settled() {
    while (this.#stale || this.#busy) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  async #read() {
    while (this.#stale) {
      this.#stale = false;
      const levels = this.#drawing.empty ? null : this.levels();
      const read = new Map();
      for (const model of levels ? this.#models.selected : []) {
        try {
          read.set(model.name, await this.#models.read(model, levels));
        } catch (error) {
          read.set(model.name, { error: error.message });
        }
      }
      this.latest = read;
      this.dispatchEvent(new Event("read"));
    }
    this.#busy = false;
  }
}
