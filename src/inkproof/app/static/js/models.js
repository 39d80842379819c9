// The models, which of them are chosen, and prediction with them.

import { setBrush } from "./brush.js";
import { loadInBrowser, runtime } from "./browser_model.js";
import { CATALOG, SERVER } from "./hosting.js";
import { readImage, readStrokes, showsSeveral } from "./number.js";
import { remembered, remember } from "./memory.js";
import { ask } from "./requests.js";
import { loadOnServer, readOnServer } from "./server_model.js";

export class Models extends EventTarget {
  all = [];
  chosen = new Set();
  place = "browser"; // where predictions are computed: in the browser or on the server
  #loaded = new Map(); // by file: a promise of a function from gray levels to a prediction

  async load() {
    const { models, brush } = await ask(CATALOG);
    setBrush(brush);
    this.all = models;
    const wanted = remembered("models", []).filter((name) => models.some((model) => model.name === name));
    this.chosen = new Set(wanted.length ? wanted : models.slice(0, 1).map((model) => model.name));
    if (!models.length) throw new Error("the server has no model");
    this.#changed();
  }

  get selected() {
    return this.all.filter((model) => this.chosen.has(model.name));
  }

  choose(name, wanted) {
    if (wanted) this.chosen.add(name);
    else this.chosen.delete(name);
    if (!this.chosen.size) this.chosen.add(this.all[0].name);
    remember("models", [...this.chosen]);
    this.#changed();
  }

  // Predicts the digit of gray levels with one model.
  async predict(model, levels) {
    try {
      return await (await this.#load(model))(levels);
    } catch (error) {
      this.#loaded.delete(model.file); // the next stroke tries again
      throw error;
    }
  }

  // Whether a drawing shows several digits; `whole` is the prediction of `model`. The server's prediction includes it.
  several(model, strokes, whole) {
    if (this.place !== "browser") return whole.several;
    return showsSeveral(strokes, whole, (levels) => this.predict(model, levels), model.threshold);
  }

  // Recognizes the number in `source`: { strokes }, or { image } as gray levels. `signal`, of an AbortController, ends it.
  async read(model, source, signal = null) {
    await this.#load(model);
    if (this.place !== "browser") return readOnServer(model, source);
    const predict = (levels) => {
      signal?.throwIfAborted();
      return this.predict(model, levels);
    };
    if (source.strokes) return readStrokes(source.strokes, predict, model.threshold);
    return readImage(source.image, predict, model.threshold);
  }

  // Loads a model once. After a failure, the next call tries again.
  #load(model) {
    if (!this.#loaded.has(model.file)) {
      const loading = this.#loadAnew(model);
      loading.catch(() => this.#loaded.delete(model.file));
      this.#loaded.set(model.file, loading);
    }
    return this.#loaded.get(model.file);
  }

  // Announces that the choice has changed, and loads the chosen models before the first stroke.
  #changed() {
    for (const model of this.selected) this.#load(model);
    this.dispatchEvent(new Event("change"));
  }

  async #loadAnew(model) {
    if (this.place === "browser") {
      try {
        await runtime();
      } catch (error) {
        if (!SERVER) throw new Error(`this browser cannot run the network: ${error.message}`);
        console.info(`predictions come from the server: ${error.message}`);
        this.place = "server";
      }
    }
    return this.place === "browser" ? loadInBrowser(model) : loadOnServer(model);
  }
}
