// The ink of a line of digits, and candidate cuts between them: inkproof.inference.cuts, for the browser.
// An image is { data, width, height }, with its values row by row. tests/data/numbers.json has masks and their cuts.
// Each function here gives the same result as its counterpart in Python.

import { SIDE } from "./drawing.js";

const MASK_SIDE = 70;
export const SCALE = SIDE / MASK_SIDE; // canvas pixels along a side of a mask pixel
const INK = 128; // a pixel of a mask is ink from this value on, and may be ink from MAYBE on
const MAYBE = 77;
const LINES = 1.2; // width in heights of the tallest line, above which lines are not the parts of one digit
const NEAR = 12; // mask pixels: the level of the background is a mean over so many to each side

const imageOf = (width, height, type = Uint8Array) => ({ data: new type(width * height), width, height });

// Math.round rounds halves up, and NumPy to the even number.
function rint(number) {
  const rounded = Math.round(number);
  return rounded - number === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

// Cuts a strip of this width and of height `side` out of gray levels, brings it to the height of a canvas, and finds
// its ink on square tiles. `maskOf` is an async function from the levels of a canvas to its mask. Pixel (x, y) of the
// strip's mask begins at (left + x * scale, top + y * scale) of the image.
export async function stripOf(levels, left, top, width, side, maskOf) {
  const step = side / SIDE;
  const columns = Math.max(SIDE, Math.ceil(Math.ceil(width / step) / SCALE) * SCALE);
  left -= (columns * step - width) / 2;
  const rows = edges(top, step, SIDE);
  const across = edges(left, step, columns);
  // First along the longer side, or an image of one row and millions of columns would become as large as 280 rows.
  const wide = levels.width > levels.height;
  const means = wide ? turned(meansOf(meansOf(turned(levels), across), rows)) : meansOf(meansOf(levels, rows), across);
  const [down, right] = [shares(rows, levels.height), shares(across, levels.width)];
  const border = borderOf(levels); // the level beyond the image, where the means have zero
  const gray = imageOf(columns, SIDE);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < columns; column++) {
      const index = row * columns + column;
      gray.data[index] = rint(means.data[index] + border * (1 - down[row] * right[column]));
    }
  }
  const mask = imageOf(columns / SCALE, MASK_SIDE);
  let done = 0;
  for (let first = 0; done < mask.width; ) {
    const last = first >= columns - SIDE;
    const following = last ? first + SIDE : Math.min(first + SIDE / 2, columns - SIDE);
    const stop = Math.floor((first + following + SIDE) / (2 * SCALE));
    const tile = await maskOf(crop(gray, first, 0, first + SIDE, SIDE).data);
    for (let row = 0; row < MASK_SIDE; row++) {
      const start = row * MASK_SIDE - first / SCALE;
      mask.data.set(tile.subarray(start + done, start + stop), row * mask.width + done);
    }
    done = stop;
    first = following;
  }
  return { gray, mask, left, top, scale: side / MASK_SIDE };
}

const edges = (start, step, count) => Float64Array.from({ length: count + 1 }, (_, place) => place * step + start);

// How much of each part between two edges lies within 0 and `end`.
const shares = (places, end) => {
  const step = places[1] - places[0];
  const inside = places.map((place) => Math.min(end, Math.max(0, place)));
  return inside.subarray(1).map((place, index) => (place - inside[index]) / step);
};

// The means of each column of an image between edges, from running sums, with zero outside the image. The result is
// transposed, so that twice gives the means over areas.
function meansOf(image, places) {
  const { data, width, height } = image;
  const means = imageOf(places.length - 1, width, Float64Array);
  const sums = new Float64Array(height + 1);
  for (let column = 0; column < width; column++) {
    for (let row = 0; row < height; row++) sums[row + 1] = sums[row] + data[row * width + column];
    let before = 0;
    for (let place = 0; place < places.length; place++) {
      const inside = Math.min(height, Math.max(0, places[place]));
      const whole = Math.min(Math.floor(inside), height - 1);
      const reached = sums[whole] * (1 - (inside - whole)) + sums[whole + 1] * (inside - whole);
      if (place) means.data[column * means.width + place - 1] = (reached - before) / (places[place] - places[place - 1]);
      before = reached;
    }
  }
  return means;
}

// An image with its rows as columns.
function turned({ data, width, height }) {
  const image = imageOf(height, width, data.constructor);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) image.data[column * height + row] = data[row * width + column];
  }
  return image;
}

// The median of the outermost pixels; corners count twice.
function borderOf({ data, width, height }) {
  const ring = new Uint8Array(2 * (width + height));
  ring.set(data.subarray(0, width));
  ring.set(data.subarray((height - 1) * width), width);
  for (let row = 0; row < height; row++) {
    ring[2 * width + row] = data[row * width];
    ring[2 * width + height + row] = data[row * width + width - 1];
  }
  return ring.sort()[ring.length >> 1];
}

export function crop(image, left, top, right, bottom) {
  const part = imageOf(right - left, bottom - top, image.data.constructor);
  for (let row = top; row < bottom; row++) {
    const start = row * image.width;
    part.data.set(image.data.subarray(start + left, start + right), (row - top) * part.width);
  }
  return part;
}

// The box of the ink of a mask: left, top, right, bottom; zeros without ink.
export function boxOf({ data, width }) {
  let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
  for (let index = 0; index < data.length; index++) {
    if (data[index] < INK) continue;
    const row = Math.floor(index / width);
    const column = index - row * width;
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
    top = Math.min(top, row);
    bottom = row + 1;
  }
  return bottom ? [left, top, right, bottom] : [0, 0, 0, 0];
}

// The ink of a mask that is connected in 8 directions, as runs [row, first column, last + 1] from top to bottom.
function connected({ data, width, height }) {
  const runs = [];
  for (let row = 0; row < height; row++) {
    let first = -1;
    for (let column = 0; column <= width; column++) {
      const ink = column < width && data[row * width + column] >= INK;
      if (ink && first < 0) first = column;
      if (ink || first < 0) continue;
      runs.push([row, first, column]);
      first = -1;
    }
  }
  const owner = runs.map((_, index) => index);
  const root = (index) => {
    while (owner[index] !== index) index = owner[index];
    return index;
  };
  let above = 0;
  for (const [here, [row, first, last]] of runs.entries()) {
    while (runs[above][0] < row - 1) above++;
    for (let other = above; other < here && runs[other][0] < row; other++) {
      if (runs[other][1] > last || first > runs[other][2]) continue;
      const [one, two] = [root(here), root(other)];
      owner[Math.max(one, two)] = Math.min(one, two);
    }
  }
  const parts = new Map();
  for (const [here, run] of runs.entries()) {
    const key = root(here);
    if (!parts.has(key)) parts.set(key, []);
    parts.get(key).push(run);
  }
  return [...parts.values()];
}

// A mask without specks: connected parts whose longer side is less than a fifth of the height of the tallest.
export function withoutSpecks(mask) {
  const parts = connected(mask);
  const tall = parts.map((part) => part.at(-1)[0] + 1 - part[0][0]);
  const tallest = Math.max(0, ...tall);
  const kept = imageOf(mask.width, mask.height);
  for (const [place, part] of parts.entries()) {
    const wide = Math.max(...part.map((run) => run[2])) - Math.min(...part.map((run) => run[1]));
    if (5 * Math.max(tall[place], wide) < tallest) continue;
    for (const [row, first, last] of part) kept.data.fill(1, row * mask.width + first, row * mask.width + last);
  }
  const near = largestAround(kept);
  const data = mask.data.map((level, index) => (near.data[index] && (kept.data[index] || level < INK) ? level : 0));
  return { ...mask, data };
}

// The maximum over each pixel and its eight neighbors.
function largestAround({ data, width, height }) {
  const largest = imageOf(width, height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let level = 0;
      for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x++) {
          level = Math.max(level, data[y * width + x]);
        }
      }
      largest.data[row * width + column] = level;
    }
  }
  return largest;
}

// The lines of digits in a mask, as [first row, last + 1]; what is lower than a third of the tallest belongs to none.
export function bandsOf({ data, width, height }) {
  const found = [];
  for (let row = 0; row < height; row++) {
    if (!data.subarray(row * width, (row + 1) * width).some((level) => level >= INK)) continue;
    if (found.at(-1)?.[1] === row) found.at(-1)[1] = row + 1;
    else found.push([row, row + 1]);
  }
  return linesAmong(found);
}

// The spans from top to bottom [first, last] that are lines: at least a third as high as the highest.
export function linesAmong(spans) {
  const tallest = Math.max(0, ...spans.map(([first, last]) => last - first));
  return spans.filter(([first, last]) => 3 * (last - first) >= tallest);
}

// Whether ink of this width, whose lines these are, is several lines of digits. Narrower ink may be parts of one digit.
export function inSeveralLines(lines, width) {
  return lines.length > 1 && width > LINES * Math.max(...lines.map(([first, last]) => last - first));
}

// Candidate cuts of ink (`shrunk`), from left to right, both ends included: { columns, cost }. `columns` has for each
// row the first column to the right of the cut, and `cost` is how much ink it crosses.
export function cutsOf(ink) {
  const { width, height } = ink;
  const leftOf = new Float64Array((width + 1) * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const index = row * (width + 1) + column;
      leftOf[index + 1] = leftOf[index] + ink.data[row * width + column];
    }
  }
  const found = [];
  for (let start = 2; start < width - 1; start += 2) {
    const columns = pathFrom(ink, start);
    let [before, cost] = [0, 0];
    for (const [row, column] of columns.entries()) {
      before += leftOf[row * (width + 1) + column];
      if (column < width) cost += ink.data[row * width + column];
    }
    found.push({ columns, before, cost });
  }
  let all = 0;
  for (let row = 1; row <= height; row++) all += leftOf[row * (width + 1) - 1];
  const end = (column) => ({ columns: new Array(height).fill(column), cost: 0 });
  const kept = new Map([[0, end(0)], [all, end(width)]]);
  const limit = Math.floor((height * 255 * 2) / 5); // the least ink between two cuts, and the most across one
  for (const { columns, before, cost } of found.sort((one, other) => one.cost - other.cost)) {
    if (cost > limit || [...kept.keys()].some((other) => Math.abs(before - other) < limit)) continue;
    kept.set(before, { columns, cost });
  }
  return [...kept.keys()].sort((one, other) => one - other).map((before) => kept.get(before));
}

// The path from top to bottom around a column that crosses the least ink. It moves by one column a row at most.
function pathFrom({ data, width, height }, start) {
  const reach = Math.max(2, Math.floor(height / 10));
  const places = 2 * reach + 1;
  const crossing = (row, place) => {
    const column = start + place - reach;
    return column >= 0 && column < width ? 2 * data[row * width + column] : 0;
  };
  const steps = new Int8Array(places * height);
  let sums = Array.from({ length: places }, (_, place) => Math.abs(place - reach) + crossing(0, place));
  for (let row = 1; row < height; row++) {
    sums = sums.map((sum, place) => {
      let least = sum;
      for (const step of [-1, 1]) {
        const other = (sums[place + step] ?? Infinity) + 1;
        if (other >= least) continue;
        least = other;
        steps[row * places + place] = step;
      }
      return least + crossing(row, place);
    });
  }
  const ends = sums.map((sum, place) => sum + Math.abs(place - reach));
  let place = ends.indexOf(Math.min(...ends));
  const columns = new Array(height);
  for (let row = height - 1; row >= 0; row--) {
    columns[row] = Math.min(width, Math.max(0, start + place - reach));
    place += steps[row * places + place];
  }
  return columns;
}

// The mask between two of its cuts, without specks.
export function pieceOf(mask, start, end) {
  const piece = imageOf(mask.width, mask.height);
  for (let row = 0; row < mask.height; row++) {
    const first = row * mask.width;
    const [left, right] = [start.columns[row], Math.max(start.columns[row], end.columns[row])];
    piece.data.set(mask.data.subarray(first + left, first + right), first + left);
  }
  return withoutSpecks(piece);
}

// Ink on the grid of its mask: means over squares, rounded down.
export function shrunk(ink) {
  const means = squares(ink);
  return { ...means, data: Uint8Array.from(means.data, Math.floor) };
}

function squares({ data, width, height }) {
  const means = imageOf(width / SCALE, height / SCALE, Float64Array);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = Math.floor(row / SCALE) * means.width + Math.floor(column / SCALE);
      means.data[at] += data[row * width + column];
    }
  }
  means.data.forEach((sum, index) => (means.data[index] = sum / SCALE ** 2));
  return means;
}

// The ink of a strip, white on black at full strength, and zero where the mask is.
export function inkOf({ gray, mask }) {
  const small = squares(gray);
  const clear = { ...mask, data: Float64Array.from(largestAround(mask).data, (level) => (level < MAYBE ? 1 : 0)) };
  const cleared = { ...small, data: small.data.map((level, index) => level * clear.data[index]) };
  const [near, sums] = [around(around(clear)), around(around(cleared))];
  const total = (levels) => levels.reduce((sum, level) => sum + level, 0);
  const whole = total(cleared.data) / Math.max(total(clear.data), 1);
  const ground = sums.data.map((sum, index) => (near.data[index] > 0 ? sum / near.data[index] : whole));
  const inside = enlarged(enlarged(mask));
  const away = new Float64Array(gray.data.length);
  for (let row = 0; row < gray.height; row++) {
    for (let column = 0; column < gray.width; column++) {
      const index = row * gray.width + column;
      const at = Math.floor(row / SCALE) * mask.width + Math.floor(column / SCALE);
      const share = Math.min(1, Math.max(0, (inside.data[index] / 255 - 0.2) / 0.3));
      away[index] = (gray.data[index] - ground[at]) * share;
    }
  }
  const sign = total(away) > 0 ? 1 : -1;
  const ink = away.map((level) => Math.max(0, sign * level));
  const full = (1.25 * total(ink.map((level) => level ** 3))) / Math.max(total(ink.map((level) => level ** 2)), 1e-3);
  const data = Uint8Array.from(ink, (level) => rint(Math.min(255, level * (255 / Math.max(full, 1)))));
  return { ...gray, data };
}

// For each pixel, the sum over its column, NEAR to each side. Transposed, so that twice gives the sums over squares.
function around({ data, width, height }) {
  const sums = imageOf(height, width, Float64Array);
  for (let column = 0; column < width; column++) {
    for (let row = 0; row < height; row++) {
      let sum = 0;
      for (let y = Math.max(0, row - NEAR); y <= Math.min(height - 1, row + NEAR); y++) sum += data[y * width + column];
      sums.data[column * height + row] = sum;
    }
  }
  return sums;
}

// SCALE rows for each row, by linear interpolation. Transposed, so that twice enlarges in both directions.
function enlarged({ data, width, height }) {
  const large = imageOf(height * SCALE, width, Float64Array);
  for (let place = 0; place < large.width; place++) {
    const at = Math.min(height - 1, Math.max(0, (place + 0.5) / SCALE - 0.5));
    const low = Math.min(Math.floor(at), height - 2);
    for (let column = 0; column < width; column++) {
      const [one, other] = [data[low * width + column], data[(low + 1) * width + column]];
      large.data[column * large.width + place] = one * (1 - (at - low)) + other * (at - low);
    }
  }
  return large;
}

// The gray levels of a canvas with the ink of one piece in its middle, black on white.
export function canvasOf(ink, piece) {
  let [left, top, right, bottom] = boxOf(piece);
  [left, top] = [Math.max(left - 1, 0), Math.max(top - 1, 0)];
  [right, bottom] = [Math.min(right + 1, piece.width), Math.min(bottom + 1, piece.height)];
  const [wide, high] = [(right - left) * SCALE, (bottom - top) * SCALE];
  const block = Math.ceil(Math.max(wide, high) / SIDE); // more than one for what is wider than any digit
  const x = Math.floor((SIDE - Math.ceil(wide / block)) / 2);
  const y = Math.floor((SIDE - Math.ceil(high / block)) / 2);
  const canvas = new Uint8Array(SIDE * SIDE).fill(255);
  for (let row = 0; row < high; row += block) {
    for (let column = 0; column < wide; column += block) {
      const own = piece.data[(top + Math.floor(row / SCALE)) * piece.width + left + Math.floor(column / SCALE)];
      if (!own) continue;
      const level = ink.data[(top * SCALE + row) * ink.width + left * SCALE + column];
      canvas[(y + row / block) * SIDE + x + column / block] = 255 - level;
    }
  }
  return canvas;
}
