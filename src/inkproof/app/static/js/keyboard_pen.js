// Drawing with the keyboard: arrow keys move a pen over the paper, the space bar lowers and lifts it.

import { SIDE } from "./drawing.js";
import { say } from "./announce.js";

const STEP = 10;
const SMALL = 2;
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function connectKeyboardPen(canvas, drawing) {
  const mark = document.createElement("span");
  mark.className = "pen";
  mark.hidden = true;
  canvas.after(mark);
  let x = SIDE / 2;
  let y = SIDE / 5;
  let down = false;

  const show = () => {
    mark.hidden = false;
    mark.classList.toggle("down", down);
    mark.style.left = `${(100 * x) / drawing.width}%`;
    mark.style.top = `${(100 * y) / SIDE}%`;
  };
  const lift = () => {
    if (down) drawing.end();
    down = false;
  };

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = WAYS[event.key];
    if (way) {
      const step = event.shiftKey ? SMALL : STEP;
      x = Math.min(drawing.width, Math.max(0, x + step * way[0]));
      y = Math.min(SIDE, Math.max(0, y + step * way[1]));
      if (down) drawing.extend(x, y, event.timeStamp, null);
    } else if (event.key === " ") {
      if (down) lift();
      else {
        drawing.begin(x, y, event.timeStamp, null, "keyboard");
        down = true;
      }
      say(down ? "Pen down" : "Pen up");
    } else return;
    event.preventDefault();
    event.stopPropagation();
    show();
  });
  canvas.addEventListener("blur", () => {
    lift();
    mark.hidden = true;
  });
  canvas.addEventListener("pointerdown", () => {
    lift();
    mark.hidden = true;
  });
  drawing.addEventListener("change", () => {
    down = false;
    mark.classList.remove("down");
  });
}
