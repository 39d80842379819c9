// What the page remembers on this device between visits; a browser may forbid that.

export function remembered(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`inkproof.${key}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`inkproof.${key}`, JSON.stringify(value));
  } catch {
    // Asked again next time.
  }
}
