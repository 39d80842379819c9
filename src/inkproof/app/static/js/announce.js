// What a screen reader says, and a short note on the screen.

let last = 0;

// Said politely, after what is being said; the newest wins.
export function say(words) {
  const live = document.getElementById("live");
  // The same words again are said again only if the text differs.
  live.textContent = words === live.textContent ? `${words}\u00a0` : words;
}

// Shows a note for some seconds, with a button if `action` is [words, function].
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

// Takes the note away, as when another view is opened.
export function dismiss() {
  document.getElementById("toast").hidden = true;
}
