// What the answers to a batch are, gathered while they come: counts of labels or a histogram, faults, first rows.
import { element, faultTable, ofAll, table } from "./check.js";
import { numberText, percentText } from "./numbers.js";

const FIRST_ROWS = 50, FIRST_FAULTS = 20, MOST_LABELS = 30, BINS = 32;
const SVG = "http://www.w3.org/2000/svg";

/** Counts of numbers in bins of one width, which doubles whenever a number is outside. */
class Histogram {
  constructor() { Object.assign(this, { bins: new Array(BINS).fill(0), low: 0, width: 0, least: Infinity, most: -Infinity, sum: 0, count: 0 }); }

  add(value) {
    if (!this.count) { this.width = Math.max(Math.abs(value), 1) / 2 ** 10; this.low = value - this.width * BINS / 2; }
    while (value < this.low) this.#double(true);
    while (value >= this.low + this.width * BINS) this.#double(false);
    this.bins[Math.min(BINS - 1, Math.floor((value - this.low) / this.width))] += 1;
    this.least = Math.min(this.least, value);
    this.most = Math.max(this.most, value);
    this.sum += value;
    this.count += 1;
  }

  #double(isDown) {
    const pairs = Array.from({ length: BINS / 2 }, (_, at) => this.bins[2 * at] + this.bins[2 * at + 1]);
    const empty = new Array(BINS / 2).fill(0);
    this.bins = isDown ? [...empty, ...pairs] : [...pairs, ...empty];
    if (isDown) this.low -= this.width * BINS;
    this.width *= 2;
  }

  draw(unit) {
    const first = this.bins.findIndex(Boolean), last = this.bins.findLastIndex(Boolean);
    const bins = this.bins.slice(first, last + 1), high = Math.max(...bins);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${bins.length * 10} 100`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const bars = bins.map((count, at) => `M${at * 10} 100v${-100 * count / high}h9v${100 * count / high}z`).join("");
    svg.append(Object.assign(document.createElementNS(SVG, "path")));
    svg.firstChild.setAttribute("d", bars);
    const ends = [this.low + first * this.width, this.low + (last + 1) * this.width].map((one) => numberText(one));
    const words = `from ${numberText(this.least)} to ${numberText(this.most)}, mean ${numberText(this.sum / this.count)}${unit ? ` ${unit}` : ""}`;
    return element("figure", { class: "histogram" }, svg,
      element("p", { class: "axis", "aria-hidden": "true" }, element("span", {}, ends[0]), element("span", {}, ends[1])),
      element("figcaption", {}, words));
  }
}

/** The answers to one batch. */
export class Summary {
  constructor(output, section) {
    Object.assign(this, { output, section, rows: 0, total: 0, refused: 0, labels: new Map(), histogram: new Histogram(), first: [], faults: [], frame: 0 });
    this.parts = Object.fromEntries(["head", "chart", "faults", "first"].map((name) => [name, { version: 0, place: element("div") }]));
    section.replaceChildren(...Object.values(this.parts).map(({ place }) => place));
  }

  add(lines) {
    for (const line of lines) this.#line(line);
    this.frame ||= requestAnimationFrame(() => this.paint());
  }

  #line(line) {
    const row = this.rows++;
    if (line?.error?.code && line.prediction === undefined) {
      this.refused += 1;
      if (this.faults.length < FIRST_FAULTS) this.faults.push({ row, ...line.error });
    } else this.#count(line);
    if (this.first.length < FIRST_ROWS) this.first.push([numberText(row + 1), ...shown(line, this.output)]);
  }

  #count({ prediction: value, probabilities }) {
    if (this.output?.kind === "regression" && Number.isFinite(value)) this.histogram.add(value);
    else if (this.output?.kind === "classification") {
      const label = labelOf(value, probabilities);
      this.labels.set(label, (this.labels.get(label) ?? 0) + 1);
    }
  }

  paint() {
    this.frame = 0;
    const answered = this.rows - this.refused;
    const words = `${numberText(answered)} ${answered === 1 ? "row" : "rows"} answered`;
    this.#put("head", this.rows, () => element("h2", {}, this.refused ? `${words}, ${numberText(this.refused)} refused` : words));
    if (this.labels.size) this.#put("chart", this.rows, () => this.#bars(answered));
    if (this.histogram.count) this.#put("chart", this.rows, () => this.histogram.draw(this.output.unit));
    if (this.faults.length)
      this.#put("faults", this.refused, () => faultTable(`${ofAll(this.faults.length, this.refused, "refused row")}; rows count from 1`, this.faults));
    if (this.first.length)
      this.#put("first", this.first.length, () => table(ofAll(this.first.length, Math.max(this.total, this.rows), "answer"), ["Row", "Answer", "Probability"], this.first));
    this.section.hidden = false;
  }

  // Draw a part anew only where it has changed: a table costs a frame.
  #put(name, version, draw) {
    const part = this.parts[name];
    if (part.version === version) return;
    part.version = version;
    part.place.replaceChildren(draw());
  }

  #bars(answered) {
    const found = [...this.labels].sort((one, other) => other[1] - one[1]);
    const items = found.slice(0, MOST_LABELS).map(([label, count]) => element("li", { "data-label": label, "data-count": count },
      element("span", { class: "label" }, label),
      element("progress", { max: 1, value: count / answered, "aria-label": `share of ${label}` }),
      element("span", { class: "share" }, percentText(count / answered))));
    return element("ol", { class: "bars" }, ...items);
  }
}

/** Return the text of a label, which is the key of its probability: `1.0` is 1 once it is parsed. */
export function labelOf(value, shares) {
  const text = String(value);
  if (typeof value !== "number" || !shares || Object.hasOwn(shares, text)) return text;
  return Object.keys(shares).find((key) => Number(key) === value) ?? text;
}

function shown(line, output) {
  if (line?.error?.code && line.prediction === undefined) return [`refused: ${line.error.message}`, ""];
  const { prediction, probabilities } = line;
  if (output?.kind !== "classification") return [typeof prediction === "number" ? numberText(prediction) : prediction, ""];
  const label = labelOf(prediction, probabilities);
  const share = probabilities?.[label];
  return [label, typeof share === "number" ? percentText(share) : ""];
}
