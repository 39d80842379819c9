// The views of one page, chosen by the address: #draw, #number and #gallery.

import { dismiss } from "./announce.js";

const VIEWS = ["draw", "number", "gallery"];

// `shown` may have a function for a view, which is called when that view opens.
export function connectViews(shown) {
  const show = (moved) => {
    const wanted = VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "draw";
    for (const name of VIEWS) {
      document.getElementById(name).hidden = name !== wanted;
      const link = document.getElementById(`to-${name}`);
      if (name === wanted) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.getElementById("skip").hidden = wanted !== "draw";
    shown[wanted]?.();
    if (!moved) return;
    dismiss();
    window.scrollTo(0, 0);
  };
  window.addEventListener("hashchange", () => show(true));
  show(false);
}
