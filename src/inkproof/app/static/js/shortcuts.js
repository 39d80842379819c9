// Single keys as commands, unless the user is typing text or has switched them off, as users of speech input may.

import { remember, remembered } from "./memory.js";

export function connectShortcuts(drawing, keep) {
  const help = document.getElementById("help");
  document.getElementById("open-help").addEventListener("click", () => help.showModal());
  const single = document.getElementById("single-keys");
  single.checked = remembered("keys", true);
  single.addEventListener("change", () => remember("keys", single.checked));

  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const typing = event.target.matches?.("input:not([type=checkbox]), select, textarea");
    if (typing || document.querySelector("dialog[open]") || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" || !onDraw()) return;
      drawing.undo();
    } else if (key.length === 1 && !single.checked) return;
    else if (key === "?") help.showModal();
    else if (key === "g") location.hash = "gallery";
    else if (key === "d") location.hash = "draw";
    else if (!onDraw()) return;
    else if (key === "z") drawing.undo();
    else if (key === "c" || key === "escape") drawing.clear();
    else if (key === "m") {
      const picker = document.getElementById("picker");
      picker.open = !picker.open;
      picker.querySelector(picker.open ? "input" : "summary")?.focus();
    } else if (/^[0-9]$/.test(key)) keep(Number(key));
    else if (key === "-") keep(null);
    else return;
    event.preventDefault();
  });
}

function onDraw() {
  return !document.getElementById("draw").hidden;
}
