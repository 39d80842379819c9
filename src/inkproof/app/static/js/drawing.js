// One drawing: its strokes, with an event for each change.
// A point is [x, y, t] or, from a pen that measures it, [x, y, t, pressure]. x and y are pixels of a canvas, 280 high,
// from its top left corner, rounded to a tenth; t is milliseconds since the first point.

export const SIDE = 280; // height of the paper, and width where one digit is drawn

// A new id for a drawing, in the format that the server accepts.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export class Drawing extends EventTarget {
  strokes = [];
  pointer = "mouse"; // the tool of the last stroke
  #began = 0;
  #lifted = true;

  // `pen` is the width of the line on the screen, as a share of the brush.
  constructor(width = SIDE, pen = 1) {
    super();
    this.width = width;
    this.pen = pen;
  }

  get empty() {
    return this.strokes.length === 0;
  }

  get drawing() {
    return !this.#lifted;
  }

  begin(x, y, time, pressure, pointer) {
    if (this.empty) this.#began = time;
    this.pointer = pointer;
    this.#lifted = false;
    this.strokes.push([]);
    this.extend(x, y, time, pressure);
  }

  // Skips points closer than half a pixel to the last one.
  extend(x, y, time, pressure) {
    if (this.#lifted) return;
    const stroke = this.strokes.at(-1);
    const point = [tenth(x), tenth(y), Math.max(0, Math.round(time - this.#began))];
    if (pressure !== null) point.push(Math.round(pressure * 1000) / 1000);
    const last = stroke.at(-1);
    if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.5) return;
    stroke.push(point);
    this.dispatchEvent(new Event("grow"));
  }

  end() {
    if (this.#lifted) return;
    this.#lifted = true;
    this.dispatchEvent(new Event("lift"));
  }

  undo() {
    if (this.strokes.pop()) this.#changed();
  }

  clear() {
    if (this.empty) return;
    this.strokes = [];
    this.#changed();
  }

  // Replaces the whole drawing, as if it had been drawn.
  set(strokes) {
    this.strokes = structuredClone(strokes);
    this.#changed();
  }

  #changed() {
    this.#lifted = true;
    this.dispatchEvent(new Event("change"));
  }
}

function tenth(number) {
  return Math.round(number * 10) / 10;
}
