// Numbers of several digits: inkproof.inference.number, for the browser.
// The model classifies every run of neighboring pieces of ink that could be one digit, on a canvas of its own. The
// digits are the runs that cover all pieces at the least cost. tests/data/numbers.json has examples.
//
// `predict` is an async function from the gray levels of a canvas to a prediction with a mask.

import { bandsOf, boxOf, canvasOf, crop, cutsOf, inkOf, inSeveralLines, linesAmong, pieceOf } from "./cuts.js";
import { SCALE, shrunk, stripOf, withoutSpecks } from "./cuts.js";
import { SIDE } from "./drawing.js";
import { rasterized } from "./raster.js";

const MOST_PIECES = 64; // in a number
const MOST_IN_DIGIT = 14; // pieces between cuts
const MOST_STROKES = 6; // groups of strokes in a digit
const LONGEST_PATH = 60; // length of the pen's path in a digit, in sides of its box
const NEAR = 0.2; // how far the middles of strokes of one digit are apart at most, in widths of the wider one
const SURE = 1.5; // ink that touches no other is not cut if its score is at least so many thresholds
const NARROW = 0.9; // and its width at most so many heights of the line
const WIDEST = 1.25; // width of a digit, in heights of the line
const ROOM = 1.5; // height of the tiles of a line, in heights of its ink
const LONGEST = 16; // width of a line, in tiles; longer lines are shrunk
const DIGIT_SIDE = 190; // longer side of a digit from strokes, in pixels of a canvas
const TOO_LONG = "too much ink for a number in one line";
const SEVERAL_LINES = "several lines of digits; read one at a time";

// The cost of a run of pieces as a digit. Width, height and the ink that its cuts cross are in heights of the line.
export function costOf({ width, height, cut, digit }, threshold) {
  const sure = -Math.log(Math.max(...digit.probabilities, 1e-6));
  const above = (digit.score - threshold) / Math.max(Math.abs(threshold), 1e-3);
  return 0.6 - above + sure + cut + 2 * Math.max(0, width - 0.8) + 8 * Math.max(0, 0.6 - height);
}

// The runs that cover all pieces for the least cost. `costs` are [first piece, last + 1, cost].
export function cheapest(pieces, costs) {
  const least = [0, ...new Array(pieces).fill(Infinity)];
  const before = new Array(pieces + 1).fill(0);
  for (const [start, end, cost] of [...costs].sort((one, other) => one[1] - other[1] || one[0] - other[0])) {
    if (least[start] + cost >= least[end]) continue;
    least[end] = least[start] + cost;
    before[end] = start;
  }
  const runs = [];
  for (let end = pieces; end; end = before[end]) runs.unshift([before[end], end]);
  return runs;
}

// Recognizes the number in gray levels { data, width, height }; rejects with an Error if it is not in one line.
export async function readImage(levels, predict, threshold) {
  const line = await lineOf(levels, async (canvas) => (await predict(canvas)).mask);
  if (!line) throw new Error(SEVERAL_LINES);
  return line.mask.data.some((level) => level) ? read(await runsOfImage(line, predict, threshold), threshold) : numberOf([]);
}

// Recognizes the number in strokes of points [x, y, ...].
export async function readStrokes(strokes, predict, threshold) {
  const groups = groupsOf(strokes);
  if (!groups.length) return numberOf([]);
  if (groups.some((group) => lengthOf(group) > LONGEST_PATH * sideOf(group))) throw new Error(TOO_LONG);
  const [left, , right] = boxAround(groups.flat());
  if (inSeveralLines(linesOf(groups.flat()), right - left)) throw new Error(SEVERAL_LINES);
  return read(await runsOfStrokes(groups, predict), threshold);
}

// Whether a drawing shows several digits; `whole` is its prediction. One that is accepted never does.
export async function showsSeveral(strokes, whole, predict, threshold) {
  if (!whole.ink || whole.accepted || groupsOf(strokes).length < 2) return false;
  const { digits } = await readStrokes(strokes, predict, threshold).catch(() => numberOf([]));
  const accepted = digits.filter((digit) => digit.accepted).length;
  return accepted > 1 && 2 * accepted > digits.length;
}

function read({ pieces, runs }, threshold) {
  const costs = runs.map((run) => [run.start, run.end, costOf(run, threshold)]);
  const digits = cheapest(pieces, costs).map(
    ([start, end]) => runs.find((run) => run.start === start && run.end === end).digit,
  );
  return numberOf(digits.sort((one, other) => one.box[0] + one.box[2] - other.box[0] - other.box[2]));
}

function numberOf(digits) {
  const number = digits.map(({ accepted, digit }) => (accepted ? digit : "?")).join("");
  return { number, digits, ink: digits.length > 0, accepted: digits.length > 0 && !number.includes("?") };
}

const BREATH = 40; // milliseconds of predictions until the page may move again
let breath = 0;

async function classified(canvas, box, predict) {
  if (performance.now() - breath > BREATH) {
    await new Promise((resolve) => setTimeout(resolve));
    breath = performance.now();
  }
  const { probabilities, score, accepted } = await predict(canvas);
  return { box, digit: probabilities.indexOf(Math.max(...probabilities)), probabilities, score, accepted };
}

// The line of digits of an image, with some room, and without specks in its mask; null for several lines.
export async function lineOf(levels, maskOf) {
  const { width, height } = levels;
  let side = width > 2 * height ? Math.max(height, width / LONGEST) : Math.max(height, width);
  const first = await stripOf(levels, 0, (height - side) / 2, width, side, maskOf);
  const mask = withoutSpecks(first.mask);
  const [left, top, right, bottom] = boxOf(mask);
  const lines = bandsOf(mask);
  if (inSeveralLines(lines, right - left)) return null;
  if (!lines.length) return { ...first, mask };
  const [tall, wide] = [(bottom - top) * first.scale, (right - left) * first.scale];
  side = Math.max(ROOM * tall, (wide + tall / 2) / LONGEST);
  const middle = first.top + ((top + bottom) / 2) * first.scale;
  const start = first.left + left * first.scale - tall / 4;
  const line = await stripOf(levels, start, middle - side / 2, wide + tall / 2, side, maskOf);
  return { ...line, mask: withoutSpecks(line.mask) };
}

async function runsOfImage(line, predict, threshold) {
  const [left, top, right, bottom] = boxOf(line.mask);
  const mask = crop(line.mask, left, top, right, bottom);
  const whole = inkOf(line);
  const cuts = cutsOf(crop(shrunk(whole), left, top, right, bottom));
  const ink = crop(whole, left * SCALE, top * SCALE, right * SCALE, bottom * SCALE);
  const [x0, y0, tall] = [line.left + left * line.scale, line.top + top * line.scale, bottom - top];
  const known = new Map();

  async function run(start, end) {
    const piece = pieceOf(mask, start, end);
    const [x, y, xEnd, yEnd] = boxOf(piece);
    const box = [x0 + x * line.scale, y0 + y * line.scale, x0 + xEnd * line.scale, y0 + yEnd * line.scale];
    const digit = await classified(canvasOf(ink, piece), box, predict);
    const crossed = start.cost + end.cost;
    if (crossed && digit.score < SURE * threshold) digit.accepted = false; // other writing can be cut into strokes like a 1
    return { width: (xEnd - x) / tall, height: (yEnd - y) / tall, digit, cut: crossed / (255 * tall) };
  }
  const once = async (start, end) => {
    const key = `${cuts.indexOf(start)} ${cuts.indexOf(end)}`;
    if (!known.has(key)) known.set(key, await run(start, end));
    return known.get(key);
  };

  // Ink that touches no other and is surely one digit is not cut.
  const needless = new Set();
  for (const [start, end] of pairs(cuts)) {
    const one = await once(start, end);
    if (!one.digit.accepted || one.digit.score < SURE * threshold || one.width > NARROW) continue;
    for (const cut of cuts.slice(cuts.indexOf(start) + 1, cuts.indexOf(end))) needless.add(cut);
  }
  const kept = cuts.filter((cut) => !needless.has(cut));
  if (kept.length > MOST_PIECES + 1) throw new Error(TOO_LONG);
  const runs = [];
  for (let start = 0; start < kept.length - 1; start++) {
    for (let end = start + 1; end <= Math.min(start + MOST_IN_DIGIT, kept.length - 1); end++) {
      const widest = Math.max(...kept[end].columns) - Math.min(...kept[start].columns);
      if (end > start + 1 && widest > WIDEST * tall) continue;
      runs.push({ ...(await once(kept[start], kept[end])), start, end });
    }
  }
  for (const [start, end] of pairs(kept)) {
    const places = { start: kept.indexOf(start), end: kept.indexOf(end) };
    if (!runs.some((one) => one.start === places.start && one.end === places.end)) {
      runs.push({ ...(await once(start, end)), ...places });
    }
  }
  return { pieces: kept.length - 1, runs };
}

// Neighbors among the cuts that cross no ink.
function pairs(cuts) {
  const free = cuts.filter((cut) => cut.cost === 0);
  return free.slice(1).map((cut, index) => [free[index], cut]);
}

function boxAround(strokes) {
  const points = strokes.flat();
  const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
  const [least, most] = [(a, b) => Math.min(a, b), (a, b) => Math.max(a, b)];
  return [xs.reduce(least), ys.reduce(least), xs.reduce(most), ys.reduce(most)];
}

function lengthOf(strokes) {
  const far = ([x, y], [otherX, otherY]) => Math.hypot(otherX - x, otherY - y);
  const length = (stroke) => stroke.slice(1).reduce((sum, point, index) => sum + far(stroke[index], point), 0);
  return strokes.reduce((sum, stroke) => sum + length(stroke), 0);
}

function sideOf(strokes) {
  const [left, top, right, bottom] = boxAround(strokes);
  return Math.max(right - left, bottom - top, 1);
}

// The lines that strokes are in, as bandsOf finds them in a mask: [top, bottom].
function linesOf(strokes) {
  const spans = [];
  for (const [, top, , bottom] of strokes.map((stroke) => boxAround([stroke])).sort((one, other) => one[1] - other[1])) {
    if (spans.length && top <= spans.at(-1)[1]) spans.at(-1)[1] = Math.max(spans.at(-1)[1], bottom);
    else spans.push([top, bottom]);
  }
  return linesAmong(spans);
}

// Strokes in groups, each of one digit or a part of one, in the order of time, without specks. A stroke joins a group
// if their middles are near. If it overlaps with an earlier group by half of the narrower width, it comes after that.
export function groupsOf(strokes) {
  const drawn = strokes.filter((stroke) => stroke.length).map((stroke) => ({ stroke, box: boxAround([stroke]) }));
  const tall = Math.max(0, ...drawn.map(({ box }) => box[3] - box[1]));
  const groups = [];
  for (const { stroke, box } of drawn) {
    const [left, top, right, bottom] = box;
    if (10 * Math.max(right - left, bottom - top) < tall) continue;
    let at = groups.length;
    let joined = false;
    for (let place = groups.length; place > 0 && !joined; place--) {
      const [start, , end] = boxAround(groups[place - 1]);
      joined = Math.abs(left + right - start - end) <= NEAR * 2 * Math.max(right - left, end - start);
      if (joined) groups[place - 1].push(stroke);
      const overlap = Math.min(right, end) - Math.max(left, start);
      if (overlap >= Math.min(right - left, end - start) / 2 && at === groups.length) at = place;
    }
    if (!joined) groups.splice(at, 0, [stroke]);
  }
  return groups;
}

async function runsOfStrokes(groups, predict) {
  if (groups.length > MOST_PIECES) throw new Error(TOO_LONG);
  const runs = [];
  const [, highest, , lowest] = boxAround(groups.flat());
  const tall = Math.max(lowest - highest, 1);
  for (let start = 0; start < groups.length; start++) {
    for (let end = start + 1; end <= Math.min(start + MOST_STROKES, groups.length); end++) {
      const strokes = groups.slice(start, end).flat();
      const box = boxAround(strokes);
      const [left, top, right, bottom] = box;
      if (end > start + 1 && right - left > WIDEST * tall) continue;
      // Small strokes, such as a dash, stay smaller than a digit.
      const scale = DIGIT_SIDE / Math.max(right - left, bottom - top, tall / 2);
      const [x, y] = [(SIDE - (left + right) * scale) / 2, (SIDE - (top + bottom) * scale) / 2];
      const own = strokes.map((stroke) => stroke.map((point) => [point[0] * scale + x, point[1] * scale + y]));
      const digit = await classified(rasterized(own), box, predict);
      runs.push({ start, end, digit, width: (right - left) / tall, height: (bottom - top) / tall, cut: 0 });
    }
  }
  return { pieces: groups.length, runs };
}
