// Single keys as commands, unless the user is typing text or has switched them off, as users of speech input may.

import { remember, remembered } from "./memory.js";

// `papers` has for each view with a paper an object with the methods `undo` and `clear`.
export function connectShortcuts(papers, keep) {
  const paper = () => papers[Object.keys(papers).find((view) => !document.getElementById(view).hidden)];

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
      if (key !== "z" || !paper()) return;
      paper().undo();
    } else if (key.length === 1 && !single.checked) return;
    else if (key === "?") help.showModal();
    else if (key === "g") location.hash = "gallery";
    else if (key === "d") location.hash = "draw";
    else if (key === "n") location.hash = "number";
    else if (!paper()) return;
    else if (key === "z") paper().undo();
    else if (key === "c" || key === "escape") paper().clear();
    else if (document.getElementById("draw").hidden) return;
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
