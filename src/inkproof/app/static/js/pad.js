// The paper: turns finger, pen and mouse into strokes, and shows the strokes.

import { SIDE } from "./drawing.js";
import { fit, paint } from "./ink.js";

export function connectPad(canvas, drawing) {
  let active = null; // the pointer that draws; a second finger does not draw
  let shown = [0, 0]; // strokes on the screen, and points of the last one

  const place = (event, box) => [((event.clientX - box.left) * drawing.width) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  // Only a pen reports real pressure. Mice report 0.5, and fingers report anything.
  const pressure = (event) => (event.pointerType === "pen" && event.pressure > 0 ? event.pressure : null);

  canvas.addEventListener("pointerdown", (event) => {
    if (active !== null || event.button !== 0) return;
    active = event.pointerId;
    try {
      canvas.setPointerCapture(active); // so that a stroke may leave the paper and come back
    } catch {
      // The pointer is gone already.
    }
    const [x, y] = place(event, canvas.getBoundingClientRect());
    drawing.begin(x, y, event.timeStamp, pressure(event), event.pointerType || "mouse");
  });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== active) return;
    const box = canvas.getBoundingClientRect();
    // All positions since the last frame, not only the newest, keep the stroke round.
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
  // In older browsers touch-action does not stop scrolling and the magnifier.
  canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });

  const grow = () => {
    const [stroke, points] = shown;
    paint(canvas, drawing.strokes, Math.max(0, stroke - 1), points, drawing.pen);
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
