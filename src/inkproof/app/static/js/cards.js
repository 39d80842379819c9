// A card for each chosen model: the digit, how sure, the ten probabilities, and what the network saw.

import { say } from "./announce.js";
import { percent, runnerUp, sentence } from "./wording.js";

const FRAME = 28;
const CALM = 900; // milliseconds without a stroke until a screen reader is told

export function connectCards(place, models, readings, drawing) {
  const cards = new Map();
  let timer = 0;

  models.addEventListener("change", () => {
    const alone = models.selected.length === 1;
    cards.clear();
    for (const model of models.selected) cards.set(model.name, new Card(model));
    place.replaceChildren(...[...cards.values()].map((card) => card.element));
    place.classList.toggle("alone", alone);
  });

  readings.addEventListener("read", () => {
    for (const [name, card] of cards) card.show(readings.latest.get(name) ?? null);
    clearTimeout(timer);
    if (!drawing.empty) timer = setTimeout(tell, CALM);
  });

  function tell() {
    if (drawing.empty || drawing.drawing) return;
    const several = cards.size > 1;
    say([...readings.latest].map(([name, reading]) => sentence(reading, several ? name : "")).join(". "));
  }
}

class Card {
  constructor(model) {
    const template = document.createElement("article");
    template.className = "card idle";
    template.setAttribute("aria-label", `Reading by ${model.name}`);
    template.innerHTML = MARKUP; // markup of this file alone, nothing from outside
    this.element = template;
    this.part = (name) => template.querySelector(`.${name}`);
    this.part("name").textContent = model.name;
    this.bars = Array.from({ length: 10 }, (_, digit) => {
      const bar = document.createElement("li");
      bar.innerHTML = '<span class="share"></span><span class="bar"></span><b></b>';
      bar.querySelector("b").textContent = digit;
      this.part("bars").append(bar);
      return bar;
    });
    this.part("seen").width = this.part("seen").height = FRAME;
    this.show(null);
  }

  show(reading) {
    const failed = Boolean(reading?.error);
    const read = reading && !failed ? reading : null;
    this.element.classList.toggle("idle", !read);
    this.element.classList.toggle("refused", Boolean(read && !read.accepted));
    this.part("digit").textContent = read ? read.digit : "";
    this.part("verdict").textContent = failed ? "No answer" : read ? verdict(read) : "Nothing drawn yet";
    this.part("next").textContent = failed ? reading.error : read ? further(read) : "\u00a0";
    for (const [digit, bar] of this.bars.entries()) {
      const share = read ? read.probabilities[digit] : 0;
      bar.style.setProperty("--share", share);
      bar.classList.toggle("best", Boolean(read) && digit === read.digit);
      bar.querySelector(".share").textContent = share >= 0.005 ? `${Math.round(100 * share)}` : "";
      bar.setAttribute("aria-label", `${digit}: ${percent(share)}`);
    }
    const context = this.part("seen").getContext("2d");
    const image = context.createImageData(FRAME, FRAME);
    for (let index = 0; index < FRAME * FRAME; index++) {
      image.data.fill(read ? read.seen[index] : 0, 4 * index, 4 * index + 3);
      image.data[4 * index + 3] = read ? 255 : 0;
    }
    context.putImageData(image, 0, 0);
  }
}

const MARKUP = `
  <p class="name"></p>
  <div class="answer">
    <p class="digit" aria-hidden="true"></p>
    <p class="words"><span class="verdict"></span><span class="next"></span></p>
  </div>
  <figure class="network"><canvas class="seen" role="img" aria-label="What the network sees, 28 by 28 pixels"></canvas>
    <figcaption>What the network sees</figcaption></figure>
  <ol class="bars" aria-label="Probabilities of the ten digits"></ol>`;

function verdict(read) {
  return read.accepted ? percent(read.probabilities[read.digit]) : "Not a digit";
}

function further(read) {
  const second = runnerUp(read);
  if (!read.accepted) return `perhaps ${read.digit}, ${percent(read.probabilities[read.digit])}`;
  return `then ${second}, ${percent(read.probabilities[second])}`;
}
