// A card for each chosen model: the digit, its probability, all ten probabilities, and what the network saw.

import { CALM, say } from "./announce.js";
import { showLevels } from "./levels.js";
import { percent, runnerUp, sentence } from "./wording.js";

const INPUT = 28; // pixels along each side of the network's input

// `readNumber` is called to read the drawing as several digits.
export function connectCards(place, models, predictions, drawing, readNumber) {
  const cards = new Map();
  let timer = 0;

  models.addEventListener("change", () => {
    const alone = models.selected.length === 1;
    cards.clear();
    for (const model of models.selected) cards.set(model.name, new Card(model, readNumber));
    place.replaceChildren(...[...cards.values()].map((card) => card.element));
    place.classList.toggle("alone", alone);
  });

  predictions.addEventListener("predicted", () => {
    for (const [name, card] of cards) card.show(predictions.latest.get(name) ?? null);
    clearTimeout(timer);
    if (!drawing.empty) timer = setTimeout(announce, CALM);
  });

  function announce() {
    if (drawing.empty || drawing.drawing || !place.offsetParent) return; // a session hides the cards
    const several = cards.size > 1;
    say([...predictions.latest].map(([name, prediction]) => sentence(prediction, several ? name : "")).join(". "));
  }
}

class Card {
  constructor(model, readNumber) {
    const template = document.createElement("article");
    template.className = "card idle";
    template.setAttribute("aria-label", `Prediction of ${model.name}`);
    template.innerHTML = MARKUP; // constant markup from this file
    this.element = template;
    this.part = (name) => template.querySelector(`.${name}`);
    this.part("name").textContent = model.name;
    this.part("as-number").addEventListener("click", readNumber);
    this.bars = Array.from({ length: 10 }, (_, digit) => {
      const bar = document.createElement("li");
      bar.innerHTML = '<span class="share"></span><span class="bar"></span><b></b>';
      bar.querySelector("b").textContent = digit;
      this.part("bars").append(bar);
      return bar;
    });
    this.show(null);
  }

  show(latest) {
    const failed = Boolean(latest?.error);
    const prediction = latest && !failed ? latest : null;
    const ink = Boolean(prediction?.ink); // probabilities for a blank mean nothing
    this.element.classList.toggle("idle", !ink);
    this.element.classList.toggle("rejected", ink && !prediction.accepted);
    this.part("digit").textContent = ink ? prediction.digit : "";
    this.part("verdict").textContent = failed ? "No prediction" : prediction ? verdict(prediction) : "Nothing drawn yet";
    this.part("next").textContent = failed ? latest.error : prediction ? runnerUpOf(prediction) : "\u00a0";
    for (const [digit, bar] of this.bars.entries()) {
      const share = ink ? prediction.probabilities[digit] : 0;
      bar.style.setProperty("--share", share);
      bar.classList.toggle("best", ink && digit === prediction.digit);
      bar.querySelector(".share").textContent = share >= 0.005 ? `${Math.round(100 * share)}` : "";
      bar.setAttribute("aria-label", `${digit}: ${percent(share)}`);
    }
    this.part("as-number").hidden = !prediction?.several;
    const seen = this.part("seen");
    if (prediction) showLevels(seen, { data: prediction.seen, width: INPUT, height: INPUT });
    else seen.width = seen.height = INPUT; // which clears it
  }
}

const MARKUP = `
  <p class="name"></p>
  <div class="result">
    <p class="digit" aria-hidden="true"></p>
    <p class="words"><span class="verdict"></span><span class="next"></span>
      <button type="button" class="as-number" hidden>Read as a number</button></p>
  </div>
  <figure class="network"><canvas class="seen" role="img" aria-label="What the network sees, 28 by 28 pixels"></canvas>
    <figcaption>What the network sees</figcaption></figure>
  <ol class="bars" aria-label="Probabilities of the ten digits"></ol>`;

function verdict({ accepted, digit, ink, probabilities, several }) {
  if (!ink) return "No ink found";
  if (several) return "Several digits";
  return accepted ? percent(probabilities[digit]) : "Not a digit";
}

function runnerUpOf(prediction) {
  const { accepted, digit, ink, probabilities, several } = prediction;
  if (!ink) return "the network sees a blank";
  if (several) return "where one is expected";
  if (!accepted) return `perhaps ${digit}, ${percent(probabilities[digit])}`;
  const second = runnerUp(prediction);
  return `then ${second}, ${percent(probabilities[second])}`;
}
