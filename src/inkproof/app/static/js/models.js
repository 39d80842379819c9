// Which models there are, which of them are chosen, and what reads with them.

import { setBrush } from "./brush.js";
import { openInBrowser, runtime } from "./browser_reader.js";
import { remembered, remember } from "./memory.js";
import { ask } from "./requests.js";
import { openOnServer } from "./server_reader.js";

export class Models extends EventTarget {
  all = [];
  chosen = new Set();
  place = "browser"; // where it is read: in the browser, or on the server
  #readers = new Map();

  async load() {
    const { models, brush } = await ask("/api/models");
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

  // Reads levels with one model.
  async read(model, levels) {
    try {
      return await (await this.#reader(model))(levels);
    } catch (error) {
      this.#readers.delete(model.file); // tried again with the next stroke
      throw error;
    }
  }

  // Opens a model, once.
  #reader(model) {
    if (!this.#readers.has(model.file)) this.#readers.set(model.file, this.#open(model));
    return this.#readers.get(model.file);
  }

  // Tells that other models are chosen, and opens them before the first stroke.
  #changed() {
    for (const model of this.selected) this.#reader(model).catch(() => this.#readers.delete(model.file));
    this.dispatchEvent(new Event("change"));
  }

  async #open(model) {
    if (this.place === "browser") {
      try {
        await runtime();
      } catch (error) {
        console.info(`read by the server: ${error.message}`);
        this.place = "server";
      }
    }
    return this.place === "browser" ? openInBrowser(model) : openOnServer(model);
  }
}
