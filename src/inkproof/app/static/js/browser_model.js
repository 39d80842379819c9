// Prediction in the browser: canvas.tflite on LiteRT.js, compiled to WebAssembly.

import { SIDE } from "./drawing.js";

const RUNTIME = "litertjs/litert_wasm_compat_internal.js"; // the one build for every browser

let library = null;

// Loads the runtime once; rejects if the browser has no WebAssembly with SIMD.
export function runtime() {
  library ??= (async () => {
    if (typeof WebAssembly !== "object") throw new Error("no WebAssembly");
    const litert = await import("../litertjs/litert.js");
    await litert.loadLiteRt(RUNTIME);
    return litert;
  })();
  return library;
}

// Loads one model, as the list of models describes it; returns a function from gray levels (280 x 280) to a prediction.
export async function loadInBrowser(model) {
  const litert = await runtime();
  const response = await fetch(model.file);
  if (!response.ok) throw new Error("the model file has changed; reload the page");
  const compiled = await litert.loadAndCompile(new Uint8Array(await response.arrayBuffer()), { accelerator: "wasm" });
  const details = compiled.getOutputDetails();
  return async (levels) => {
    const started = performance.now();
    const input = new litert.Tensor(levels, [1, SIDE, SIDE]);
    const outputs = await compiled.run([input]);
    input.delete();
    const found = {};
    for (const [index, tensor] of outputs.entries()) {
      found[role(details[index])] = tensor.toTypedArray().slice();
      tensor.delete();
    }
    const milliseconds = performance.now() - started;
    const probabilities = Array.from(found.probabilities);
    const score = found.score[0];
    const ink = found.seen.some((level) => level > 0);
    return {
      digit: ink ? probabilities.indexOf(Math.max(...probabilities)) : null,
      probabilities,
      accepted: ink && score >= Math.fround(model.threshold),
      ink,
      score,
      seen: found.seen,
      mask: found.mask,
      model: model.name,
      version: model.version,
      milliseconds,
    };
  };
}

// No two outputs have the same shape, so the shape identifies them under any name a converter gives.
function role(details) {
  const shape = Array.from(details.shape);
  return { "1,10": "probabilities", "1,28,28": "seen", "1,70,70": "mask", 1: "score" }[shape.join()];
}
