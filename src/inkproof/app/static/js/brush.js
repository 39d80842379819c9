// How wide the brush is: the set's width, and with a pen that feels pressure from two thirds of it to four thirds.

let width = 20; // pixels of the 280 x 280 canvas; the server says it

export function setBrush(pixels) {
  width = pixels;
}

export function radius(point) {
  const pressure = point[3] ?? 0.5; // what a mouse reports
  return (width / 2) * (2 / 3 + (2 / 3) * pressure);
}
