// Gray levels: { data, width, height }, 0 to 255 row by row.

const VISIBLE = 48; // gray levels between the lightest and the darkest pixel
const MOST = 4_000_000; // pixels; larger images are shrunk

// The gray levels of an image file, turned upright. Transparent pixels are white, or black behind white ink.
export async function levelsOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error("this browser cannot open that file as an image");
  }
  const scale = Math.min(1, Math.sqrt(MOST / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.floor(side * scale)));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  const on = (color) => {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0, width, height);
    return grayOf(context.getImageData(0, 0, width, height).data);
  };
  let data = on("white");
  const contrast = contrastOf(data);
  if (contrast < VISIBLE) {
    const other = on("black");
    if (contrastOf(other) > contrast) data = other;
  }
  bitmap.close();
  return { data, width, height };
}

function grayOf(colors) {
  const data = new Uint8Array(colors.length / 4);
  for (let index = 0; index < data.length; index++) {
    const [red, green, blue] = [colors[4 * index], colors[4 * index + 1], colors[4 * index + 2]];
    data[index] = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16; // ITU-R BT.601, as Pillow has it
  }
  return data;
}

function contrastOf(data) {
  let [least, most] = [255, 0];
  for (const level of data) {
    if (level < least) least = level;
    if (level > most) most = level;
  }
  return most - least;
}

// Shows gray levels on a canvas, which takes their size.
export function showLevels(canvas, { data, width, height }) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let index = 0; index < data.length; index++) {
    image.data.fill(data[index], 4 * index, 4 * index + 3);
    image.data[4 * index + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
