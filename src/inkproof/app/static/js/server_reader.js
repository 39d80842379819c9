// Reading on the server, where the browser has no WebAssembly: the same gray levels as a PNG, the same answer.

import { SIDE } from "./drawing.js";
import { ask } from "./requests.js";

export async function openOnServer(model) {
  return async (levels) => {
    const answer = await ask("/api/recognise", "POST", { image: pngOf(levels), model: model.name });
    const seen = Uint8Array.from(atob(answer.seen), (sign) => sign.charCodeAt(0));
    return { ...answer, seen };
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
