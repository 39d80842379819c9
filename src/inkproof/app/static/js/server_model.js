// Prediction on the server, for browsers without WebAssembly: the same gray levels as a PNG give the same prediction.

import { SIDE } from "./drawing.js";
import { showLevels } from "./levels.js";
import { ask } from "./requests.js";

const whole = (data) => ({ data, width: SIDE, height: SIDE });

export async function loadOnServer(model) {
  return async (levels) => {
    const prediction = await ask("api/recognise", "POST", { image: pngOf(whole(levels)), model: model.name });
    const seen = Uint8Array.from(atob(prediction.seen), (sign) => sign.charCodeAt(0));
    return { ...prediction, seen };
  };
}

// Recognizes the number in `source`: { strokes }, or { image } as gray levels.
export function readOnServer(model, { strokes, image }) {
  const source = strokes ? { strokes } : { image: pngOf(image) };
  return ask("api/recognise", "POST", { ...source, number: true, model: model.name });
}

export function pngOf(levels) {
  const canvas = document.createElement("canvas");
  showLevels(canvas, levels);
  return canvas.toDataURL("image/png");
}
