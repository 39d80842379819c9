// The paper: finger, pen and mouse to strokes, and the strokes on the screen.

import { SIDE } from "./drawing.js";
import { fit, paint } from "./ink.js";

export function connectPad(canvas, drawing) {
  let active = null; // the pointer that draws; a second finger does not
  let shown = [0, 0]; // strokes, and points of the last one, that are on the screen

  const place = (event, box) => [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  // Only a pen's pressure is one; mice report a half, and fingers whatever they like.
  const pressure = (event) => (event.pointerType === "pen" && event.pressure > 0 ? event.pressure : null);

  canvas.addEventListener("pointerdown", (event) => {
    if (active !== null || event.button !== 0) return;
    active = event.pointerId;
    try {
      canvas.setPointerCapture(active); // so that a stroke may leave the paper and come back
    } catch {
      // A pointer that is gone already.
    }
    const [x, y] = place(event, canvas.getBoundingClientRect());
    drawing.begin(x, y, event.timeStamp, pressure(event), event.pointerType || "mouse");
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== active) return;
    const box = canvas.getBoundingClientRect();
    // All positions since the last frame, not only the newest: the stroke is as round as the hand's.
    const all = event.getCoalescedEvents?.() ?? [];
    for (const one of all.length ? all : [event]) {
      const [x, y] = place(one, box);
      drawing.extend(x, y, one.timeStamp, pressure(one));
    }
  });

  const lift = (event) => {
    if (event.pointerId !== active) return;
    active = null;
    drawing.end();
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("lostpointercapture", lift);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  // What touch-action does not stop in older browsers: scrolling and the magnifier.
  canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });

  const grow = () => {
    const [stroke, points] = shown;
    paint(canvas, drawing.strokes, Math.max(0, stroke - 1), points);
    shown = [drawing.strokes.length, drawing.strokes.at(-1)?.length ?? 0];
  };
  const redraw = () => {
    shown = [0, 0];
    grow();
  };
  drawing.addEventListener("grow", grow);
  drawing.addEventListener("change", () => {
    active = null;
    redraw();
  });
  new ResizeObserver(() => fit(canvas) && redraw()).observe(canvas);
  window.addEventListener("resize", () => fit(canvas) && redraw()); // zoomed, or moved to another screen
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  fit(canvas);
}
