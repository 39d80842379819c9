// Predictions in words.

export function percent(probability) {
  if (probability < 0.0005) return "<\u00a00.1%";
  // Never 100%: rounds down where one decimal would show 100.0%.
  if (probability >= 0.9995) return `${(Math.min(9999, Math.floor(10000 * probability)) / 100).toFixed(2)}%`;
  return `${(100 * probability).toFixed(1)}%`;
}

export function runnerUp(prediction) {
  let second = prediction.digit === 0 ? 1 : 0;
  for (const [digit, probability] of prediction.probabilities.entries()) {
    if (digit !== prediction.digit && probability > prediction.probabilities[second]) second = digit;
  }
  return second;
}

// A whole sentence, for a screen reader.
export function sentence(prediction, name) {
  const of = name ? `${name}: ` : "";
  if (prediction.error) return `${of}no prediction: ${prediction.error}`;
  if (!prediction.ink) return `${of}no ink found`;
  if (prediction.several) return `${of}several digits, where one is expected`;
  const second = runnerUp(prediction);
  const sure = percent(prediction.probabilities[prediction.digit]);
  if (!prediction.accepted) return `${of}not a digit, perhaps ${prediction.digit}, ${sure}`;
  return `${of}${prediction.digit}, ${sure}; next ${second}, ${percent(prediction.probabilities[second]).replace("<\u00a0", "below ")}`;
}

export function label(digit) {
  return digit === null ? "not a digit" : String(digit);
}
