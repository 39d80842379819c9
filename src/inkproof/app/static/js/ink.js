// Draws strokes on a canvas of the page, in its text color and at the screen's resolution.

import { radius } from "./brush.js";
import { SIDE } from "./drawing.js";

// Sets the canvas to the screen's resolution; returns whether its size changed.
export function fit(canvas) {
  const pixels = (size) => Math.max(1, Math.round(size * (window.devicePixelRatio || 1)));
  const [width, height] = [pixels(canvas.clientWidth), pixels(canvas.clientHeight)];
  if (canvas.width === width && canvas.height === height) return false;
  [canvas.width, canvas.height] = [width, height];
  return true;
}

// Draws the strokes from `firstStroke` on, and of that one the points after the first `done`; `pen` as in Drawing.
export function paint(canvas, strokes, firstStroke = 0, done = 0, pen = 1) {
  const context = canvas.getContext("2d");
  const scale = canvas.height / SIDE;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  if (!firstStroke && !done) context.clearRect(0, 0, canvas.width / scale, SIDE);
  context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
  context.lineCap = context.lineJoin = "round";
  for (let index = firstStroke; index < strokes.length; index++) {
    const stroke = strokes[index];
    const first = index === firstStroke ? done : 0;
    if (stroke.every((point) => point.length < 4)) line(context, stroke, Math.max(0, first - 1), pen);
    else for (let next = first; next < stroke.length; next++) blob(context, stroke[Math.max(0, next - 1)], stroke[next], pen);
  }
}

function line(context, stroke, first, pen) {
  context.lineWidth = 2 * radius(stroke[first]) * pen;
  context.beginPath();
  context.moveTo(stroke[first][0], stroke[first][1]);
  if (stroke.length - first === 1) context.lineTo(stroke[first][0], stroke[first][1]); // a dot, by its round caps
  for (let next = first + 1; next < stroke.length; next++) context.lineTo(stroke[next][0], stroke[next][1]);
  context.stroke();
}

// A segment whose width changes: circles close enough to look like one shape.
function blob(context, from, to, pen) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])));
  for (let step = 0; step <= steps; step++) {
    const share = step / steps;
    const size = pen * (radius(from) + share * (radius(to) - radius(from)));
    context.beginPath();
    context.arc(from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1]), size, 0, 2 * Math.PI);
    context.fill();
  }
}
