// Drawings that the server keeps.

import { ask } from "./requests.js";

export class ServerStorage {
  terms =
    "The computer that serves this page stores the strokes, your label, the prediction, the model, the kind of device, the time and the name below. You can delete drawings in the gallery.";

  keep(drawing) {
    return ask("api/drawings", "POST", { consent: true, ...drawing });
  }

  find({ label, writer, wrong, before }) {
    const query = new URLSearchParams();
    if (label) query.set("label", label);
    if (writer) query.set("writer", writer);
    if (wrong) query.set("wrong", "1");
    if (before !== null) query.set("before", before);
    return ask(`api/drawings?${query}`);
  }

  async counts() {
    return (await ask("api/drawings?most=0")).counts;
  }

  correct(id, change) {
    return ask(`api/drawings/${id}`, "PATCH", change);
  }

  remove(id) {
    return ask(`api/drawings/${id}`, "DELETE");
  }
}
