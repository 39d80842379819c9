// Announcements for a screen reader, and a short note on the screen.

export const CALM = 900; // milliseconds without a stroke before a prediction is announced

let last = 0;

// Announces politely, after the current speech. The newest announcement wins.
export function say(words) {
  const live = document.getElementById("live");
  // A screen reader repeats the same words only if the text differs.
  live.textContent = words === live.textContent ? `${words}\u00a0` : words;
}

// Shows a note for some seconds. With `action`, which is [words, function], it has a button.
export function toast(words, action = null) {
  const note = document.getElementById("toast");
  note.replaceChildren(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action[0];
    button.addEventListener("click", () => {
      dismiss();
      action[1]();
    });
    note.append(" ", button);
  }
  note.hidden = false;
  say(words);
  clearTimeout(last);
  last = setTimeout(dismiss, action ? 8000 : 5000);
}

// Hides the note, for example when another view opens.
export function dismiss() {
  document.getElementById("toast").hidden = true;
}
