// Renders strokes to the model's input of 280 x 280 gray levels, by the rule of inkproof.preprocessing.strokes.render.
// The ink covers `radius + 1/2 - distance` of a pixel, clipped to 0 and 1, where `distance` is the distance from its
// center to the nearest point of any stroke. The result does not depend on the browser, the screen or the theme.

import { radius } from "./brush.js";
import { SIDE } from "./drawing.js";

export class Raster {
  #cover = new Float32Array(SIDE * SIDE); // radius + 1/2 - distance, the largest over all strokes
  #strokes = 0; // strokes drawn, and points drawn of the last one
  #points = 0;

  // Draws what is new since the last call. Strokes only grow until `reset`.
  draw(strokes) {
    for (let index = Math.max(0, this.#strokes - 1); index < strokes.length; index++) {
      const stroke = strokes[index];
      const first = index === this.#strokes - 1 ? this.#points : 0;
      for (let next = first; next < stroke.length; next++) this.#segment(stroke[Math.max(0, next - 1)], stroke[next]);
      this.#strokes = index + 1;
      this.#points = stroke.length;
    }
  }

  reset() {
    this.#cover.fill(0);
    this.#strokes = this.#points = 0;
  }

  // Gray levels, black ink on white: the input of the model.
  levels() {
    const levels = new Uint8Array(SIDE * SIDE);
    for (let index = 0; index < levels.length; index++) {
      levels[index] = Math.round(255 - 255 * Math.min(1, this.#cover[index]));
    }
    return levels;
  }

  #segment(from, to) {
    const [x0, y0] = from;
    const dx = to[0] - x0;
    const dy = to[1] - y0;
    const squared = dx * dx + dy * dy;
    const begin = radius(from);
    const grow = radius(to) - begin;
    const reach = Math.max(begin, begin + grow) + 1;
    const left = Math.max(0, Math.floor(Math.min(x0, to[0]) - reach));
    const right = Math.min(SIDE - 1, Math.ceil(Math.max(x0, to[0]) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, to[1]) - reach));
    const bottom = Math.min(SIDE - 1, Math.ceil(Math.max(y0, to[1]) + reach));
    for (let row = top; row <= bottom; row++) {
      const y = row + 0.5 - y0;
      for (let column = left; column <= right; column++) {
        const x = column + 0.5 - x0;
        const along = squared > 0 ? Math.min(1, Math.max(0, (x * dx + y * dy) / squared)) : 0;
        const distance = Math.hypot(x - along * dx, y - along * dy);
        const cover = begin + along * grow + 0.5 - distance;
        const index = row * SIDE + column;
        if (cover > this.#cover[index]) this.#cover[index] = cover;
      }
    }
  }
}

export function rasterized(strokes) {
  const raster = new Raster();
  raster.draw(strokes);
  return raster.levels();
}
