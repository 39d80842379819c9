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
    this.dispatchEvent(new Event("change"));
  }

  get selected() {
    return this.all.filter((model) => this.chosen.has(model.name));
  }

  choose(name, wanted) {
    if (wanted) this.chosen.add(name);
    else this.chosen.delete(name);
    if (!this.chosen.size) this.chosen.add(this.all[0].name);
    remember("models", [...this.chosen]);
    this.dispatchEvent(new Event("change"));
  }

  // Reads levels with one model; opened when it is first asked for.
  async read(model, levels) {
    const key = `${model.name} ${model.version}`;
    if (!this.#readers.has(key)) this.#readers.set(key, this.#open(model));
    try {
      return await (await this.#readers.get(key))(levels);
    } catch (error) {
      this.#readers.delete(key); // tried again with the next stroke
      throw error;
    }
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
