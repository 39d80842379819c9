// Prediction on the server, for browsers without WebAssembly: the same gray levels as a PNG give the same prediction.

import { SIDE } from "./drawing.js";
import { ask } from "./requests.js";

export async function loadOnServer(model) {
  return async (levels) => {
    const prediction = await ask("api/recognise", "POST", { image: pngOf(levels), model: model.name });
    const seen = Uint8Array.from(atob(prediction.seen), (sign) => sign.charCodeAt(0));
    return { ...prediction, seen };
  };
}

export function pngOf(levels) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  for (let index = 0; index < levels.length; index++) {
    image.data.fill(levels[index], 4 * index, 4 * index + 3);
    image.data[4 * index + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL("image/png");
}
