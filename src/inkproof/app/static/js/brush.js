// The width of the brush. A pen that measures pressure varies it from two thirds to four thirds of the usual width.

let width = 20; // pixels of the 280 x 280 canvas; the list of models sets it

export function setBrush(pixels) {
  width = pixels;
}

export function radius(point) {
  const pressure = point[3] ?? 0.5; // what a mouse reports
  return (width / 2) * (2 / 3 + (2 / 3) * pressure);
}
