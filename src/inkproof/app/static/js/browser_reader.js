// Reading in the browser: canvas.tflite on LiteRT.js, compiled to WebAssembly.

import { SIDE } from "./drawing.js";

const RUNTIME = "/litertjs/litert_wasm_compat_internal.js"; // the one build for every browser

let library = null;

// Loads the runtime once; rejects where the browser has no WebAssembly, or none with SIMD.
export function runtime() {
  library ??= (async () => {
    if (typeof WebAssembly !== "object") throw new Error("no WebAssembly");
    const litert = await import("../litertjs/litert.js");
    await litert.loadLiteRt(RUNTIME);
    return litert;
  })();
  return library;
}

// Opens one model, as /api/models describes it; returns what reads levels (280 x 280) into a reading.
export async function openInBrowser(model) {
  const litert = await runtime();
  const response = await fetch(model.file);
  if (!response.ok) throw new Error("its file has changed; reload the page");
  const compiled = await litert.loadAndCompile(new Uint8Array(await response.arrayBuffer()), { accelerator: "wasm" });
  const details = compiled.getOutputDetails();
  return async (levels) => {
    const started = performance.now();
    const input = new litert.Tensor(levels, [1, SIDE, SIDE]);
    const outputs = await compiled.run([input]);
    input.delete();
    const read = {};
    for (const [index, tensor] of outputs.entries()) {
      read[role(details[index])] = tensor.toTypedArray().slice();
      tensor.delete();
    }
    const milliseconds = performance.now() - started;
    const probabilities = Array.from(read.probabilities);
    const score = read.score[0];
    return {
      digit: probabilities.indexOf(Math.max(...probabilities)),
      probabilities,
      accepted: score >= Math.fround(model.threshold),
      score,
      seen: read.seen,
      model: model.name,
      version: model.version,
      milliseconds,
    };
  };
}

// No two outputs have the same shape, so they are told apart whatever a converter called them.
function role(details) {
  const shape = Array.from(details.shape);
  return { "1,10": "probabilities", "1,28,28": "seen", 1: "score" }[shape.join()];
}
