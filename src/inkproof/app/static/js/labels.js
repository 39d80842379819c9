// A row of buttons, 0 to 9 and "not a digit". A press calls `choose` with the digit or null.

import { label } from "./wording.js";

export const LABELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, null];

export function fillLabels(place, choose) {
  place.replaceChildren(
    ...LABELS.map((digit) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label(digit);
      button.classList.toggle("none", digit === null);
      button.dataset.label = digit ?? "none";
      button.addEventListener("click", () => choose(digit));
      return button;
    }),
  );
}

// Marks one button as chosen, or none with undefined.
export function markLabel(place, digit) {
  for (const button of place.children) {
    button.setAttribute("aria-pressed", String(digit !== undefined && button.dataset.label === String(digit ?? "none")));
  }
}
