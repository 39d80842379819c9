// Drawings that this browser keeps, in IndexedDB. One file has them all for `python src/drawings.py import FILE`.

import { newId } from "./drawing.js";

const DATABASE = "inkproof";
const VERSION = 1; // of the database
const FORMAT = 1; // of a line of the file
const MOST = 60; // drawings on a page of the gallery

export class BrowserStorage {
  terms =
    "This browser stores the strokes, your label, the prediction, the model, the kind of device, the time and the name below. Nothing is sent. You can delete and export drawings in the gallery.";
  #opening = null;

  async keep(drawing) {
    const created = `${new Date().toISOString().slice(0, 19)}+00:00`;
    const kept = { id: newId(), ...drawing, created };
    let gone = false;
    await this.#change((drawings, deleted) => {
      deleted.getKey(kept.id).onsuccess = ({ target }) => (gone = target.result !== undefined);
      drawings.index("id").getKey(kept.id).onsuccess = ({ target }) => {
        if (!gone && target.result === undefined) drawings.add(kept);
      };
    });
    if (gone) throw Object.assign(new Error("this drawing was deleted"), { status: 409 }); // as the server says it
    navigator.storage?.persist?.().catch(() => {}); // so that the browser does not make room by deleting them
    return kept;
  }

  async find({ label, writer, wrong, before }) {
    const all = await this.#all();
    const found = all.reverse().filter(
      (one) =>
        (!label || label === String(one.label ?? "none")) &&
        (!writer || writer === one.writer) &&
        (!wrong || one.label !== one.predicted) &&
        (before === null || one.number < before),
    );
    const drawings = found.slice(0, MOST);
    return { drawings, damaged: [], before: found.length > MOST ? drawings.at(-1).number : null, counts: countsOf(all) };
  }

  async counts() {
    return countsOf(await this.#all());
  }

  async correct(id, change) {
    let corrected = null;
    await this.#change((drawings) => {
      drawings.index("id").get(id).onsuccess = ({ target }) => {
        if (!target.result) return;
        corrected = { ...target.result, ...change };
        drawings.put(corrected);
      };
    });
    if (!corrected) throw new Error("unknown drawing");
    return corrected;
  }

  // The id stays, so that an import can remove the drawing from a set.
  async remove(id) {
    await this.#change((drawings, deleted) => {
      drawings.index("id").getKey(id).onsuccess = ({ target }) => {
        if (target.result === undefined) return;
        drawings.delete(target.result);
        deleted.put({ id });
      };
    });
  }

  // A line of JSON for each drawing in the order in which they were kept, then one with the ids of deleted drawings.
  async exported() {
    const deleted = await this.#read((_, store) => store.getAllKeys());
    const lines = (await this.#all()).map(({ number, canvas: [width, height], ...one }) => ({ format: FORMAT, ...one, width, height }));
    if (deleted.length) lines.push({ format: FORMAT, deleted });
    return new Blob(lines.map((line) => `${JSON.stringify(line)}\n`), { type: "application/x-ndjson" });
  }

  #all() {
    return this.#read((drawings) => drawings.getAll());
  }

  async #read(request) {
    return (await this.#run("readonly", request)).result;
  }

  #change(work) {
    return this.#run("readwrite", work);
  }

  // Calls `work` with both stores in one transaction. Once everything is on the disk, resolves with what it returned.
  async #run(mode, work) {
    try {
      const database = await (this.#opening ??= open(() => (this.#opening = null)));
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(["drawings", "deleted"], mode, { durability: "strict" });
        const returned = work(transaction.objectStore("drawings"), transaction.objectStore("deleted"));
        transaction.oncomplete = () => resolve(returned);
        transaction.onabort = () => reject(transaction.error ?? new Error("the browser stopped it"));
      });
    } catch (error) {
      this.#opening = null; // the next call tries again
      if (error.name === "QuotaExceededError") throw new Error("this browser has no room left for this page");
      if (error.name === "VersionError") throw new Error("a newer version of this page keeps drawings here; reload the page");
      throw new Error(`this browser does not let the page keep drawings (${error.message})`);
    }
  }
}

// Opens the database; `lost` is called when the browser closes it.
function open(lost) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      const drawings = request.result.createObjectStore("drawings", { keyPath: "number", autoIncrement: true });
      drawings.createIndex("id", "id", { unique: true });
      request.result.createObjectStore("deleted", { keyPath: "id" });
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = lost;
      database.onversionchange = () => {
        database.close(); // another tab has a newer version of this page
        lost();
      };
      resolve(database);
    };
  });
}

function countsOf(all) {
  const counts = { total: all.length, wrong: 0, labels: {}, writers: Object.create(null) }; // a name may be any word
  for (const { label, predicted, writer } of all) {
    if (label !== predicted) counts.wrong += 1;
    counts.labels[label ?? "none"] = (counts.labels[label ?? "none"] ?? 0) + 1;
    counts.writers[writer] = (counts.writers[writer] ?? 0) + 1;
  }
  return counts;
}
