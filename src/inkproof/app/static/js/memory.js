// What the page remembers on this device between visits, if the browser allows it.

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
    // The page asks again next time.
  }
}
