// The class of this device. Nothing more about the device is kept with a drawing.

export function deviceClass() {
  if (!matchMedia("(any-pointer: coarse)").matches) return "desktop";
  if (matchMedia("(pointer: fine)").matches) return "desktop"; // a notebook with a touch screen
  return Math.min(screen.width, screen.height) < 600 ? "phone" : "tablet";
}
