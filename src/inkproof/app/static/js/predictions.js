// Predictions while drawing: every chosen model classifies the newest state. Older states are skipped.

import { Raster } from "./raster.js";

export class Predictions extends EventTarget {
  latest = new Map(); // name of a model: its prediction for the current drawing
  #drawing;
  #models;
  #raster = new Raster();
  #stale = false;
  #busy = false;

  constructor(drawing, models) {
    super();
    this.#drawing = drawing;
    this.#models = models;
    drawing.addEventListener("change", () => this.#raster.reset()); // strokes were removed
    for (const change of ["grow", "lift", "change"]) drawing.addEventListener(change, () => this.refresh());
    models.addEventListener("change", () => this.refresh());
  }

  // Gray levels of the drawing: the input of the model.
  levels() {
    this.#raster.draw(this.#drawing.strokes);
    return this.#raster.levels();
  }

  refresh() {
    this.#stale = true;
    if (this.#busy) return;
    this.#busy = true;
    // A page in the background gets no frames.
    (document.hidden ? queueMicrotask : requestAnimationFrame)(() => this.#predict());
  }

  // Resolves when the predictions for the current drawing are ready.
  async settled() {
    while (this.#stale || this.#busy) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  async #predict() {
    while (this.#stale) {
      this.#stale = false;
      const levels = this.#drawing.empty ? null : this.levels();
      const found = new Map();
      for (const model of levels ? this.#models.selected : []) {
        try {
          const one = await this.#models.predict(model, levels);
          // The check for several digits takes too long while the pen moves.
          const { drawing, strokes } = this.#drawing;
          found.set(model.name, { ...one, several: !drawing && (await this.#models.several(model, strokes, one)) });
        } catch (error) {
          found.set(model.name, { error: error.message });
        }
      }
      this.latest = found;
      this.dispatchEvent(new Event("predicted"));
    }
    this.#busy = false;
  }
}
