// Readings in words.

export function percent(probability) {
  if (probability < 0.0005) return "<\u00a00.1%";
  // Never 100%: rounded down where one decimal would say so.
  if (probability >= 0.9995) return `${(Math.min(9999, Math.floor(10000 * probability)) / 100).toFixed(2)}%`;
  return `${(100 * probability).toFixed(1)}%`;
}

export function runnerUp(reading) {
  let second = reading.digit === 0 ? 1 : 0;
  for (const [digit, probability] of reading.probabilities.entries()) {
    if (digit !== reading.digit && probability > reading.probabilities[second]) second = digit;
  }
  return second;
}

// A whole sentence, for a screen reader.
export function sentence(reading, name) {
  const of = name ? `${name}: ` : "";
  if (reading.error) return `${of}cannot be read: ${reading.error}`;
  const second = runnerUp(reading);
  const sure = percent(reading.probabilities[reading.digit]);
  if (!reading.accepted) return `${of}not a digit, perhaps ${reading.digit}, ${sure}`;
  return `${of}${reading.digit}, ${sure}; next ${second}, ${percent(reading.probabilities[second]).replace("<\u00a0", "below ")}`;
}

export function label(digit) {
  return digit === null ? "not a digit" : String(digit);
}
