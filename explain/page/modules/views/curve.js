/**
 * Information over glimpses as a curve, up to the glimpse that is shown: how sure the agent is, and how rightly sure.
 */

import { informationGain } from "../information.js";
import { natsInWords } from "../words.js";
import { byId, setAttribute, svg, toggle } from "./dom.js";

/** @typedef {import("../network/agent.js").Step} Step */
/** @typedef {import("../session.js").Session} Session */

const WIDTH = 360;
const HEIGHT = 190;
const MARGIN = { left: 42, right: 12, top: 10, bottom: 34 };
/** A confident error goes far below 0; the curve ends here. */
const LOWEST = -2;

/** @param {Session} session */
export function curveView(session) {
  const chart = byId("curve");
  chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  const axes = svg("g");
  const curves = svg("g");
  chart.append(axes, curves);
  let lowestShown = Number.NaN;
  session.views.push(() => {
    const { numGlimpses, classNames } = session.content;
    const highest = Math.log(classNames.length);
    const isKnown = session.label !== null;
    const steps = taken(session, session.steps);
    const own = taken(session, session.own);
    const rightly = [...steps, ...own].map((step) => session.labelInformation(step) ?? 0);
    const lowest = Math.max(LOWEST, Math.min(0, ...rightly));
    const x = (/** @type {number} */ glimpse) => {
      return MARGIN.left + (glimpse / Math.max(numGlimpses - 1, 1)) * (WIDTH - MARGIN.left - MARGIN.right);
    };
    const y = (/** @type {number} */ nats) => {
      const part = (highest - Math.max(nats, lowest)) / (highest - lowest);
      return MARGIN.top + part * (HEIGHT - MARGIN.top - MARGIN.bottom);
    };
    curves.replaceChildren();
    if (lowest !== lowestShown) axes.replaceChildren(...axesOf(x, y, { lowest, highest, numGlimpses }));
    lowestShown = lowest;
    byId("curve-words").textContent = session.isEmpty ? "" : nowInWords(session);
    toggle(byId("curve-hint"), !session.isEmpty && !isKnown);
    toggle(byId("curve-own"), !session.isEmpty && session.isOther);
    if (session.isEmpty) return;
    const shownAt = x(Math.min(session.state.shown, session.steps.length - 1));
    curves.append(
      svg("line", { x1: shownAt, x2: shownAt, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, class: "shown" }),
    );
    /** @type {[Step[], string][]} */
    const episodes = [[steps, ""]];
    if (session.isOther) episodes.unshift([own, " own"]);
    for (const [episode, whose] of episodes) {
      const draw = (/** @type {(step: Step) => number} */ measure, /** @type {string} */ kind) => {
        const points = episode.map((step, glimpse) => [x(glimpse), y(measure(step))]);
        curves.append(svg("polyline", { points: points.join(" "), class: `curve ${kind}${whose}` }));
        for (const [cx, cy] of points) curves.append(svg("circle", { cx, cy, r: 3, class: `point ${kind}${whose}` }));
      };
      draw((step) => informationGain(step.belief), "sure");
      if (isKnown) draw((step) => session.labelInformation(step) ?? 0, "rightly");
    }
    setAttribute(chart, "aria-label", curveInWords(session));
  });
}

/**
 * @param {(glimpse: number) => number} x
 * @param {(nats: number) => number} y
 * @param {{lowest: number, highest: number, numGlimpses: number}} ends
 * @returns {SVGElement[]} Lines and numbers of the axes.
 */
function axesOf(x, y, { lowest, highest, numGlimpses }) {
  const elements = [];
  for (let nats = Math.ceil(lowest); nats <= highest; nats++) {
    elements.push(
      svg("line", {
        x1: x(0),
        x2: x(numGlimpses - 1),
        y1: y(nats),
        y2: y(nats),
        class: nats === 0 ? "axis" : "grid",
      }),
      svg(
        "text",
        { x: MARGIN.left - 8, y: y(nats) + 4, class: "tick end" },
        `${nats === LOWEST ? "≤ " : ""}${nats}`.replace("-", "−"),
      ),
    );
  }
  for (let glimpse = 0; glimpse < numGlimpses; glimpse++) {
    elements.push(svg("text", { x: x(glimpse), y: HEIGHT - MARGIN.bottom + 16, class: "tick" }, String(glimpse + 1)));
  }
  elements.push(svg("text", { x: WIDTH / 2, y: HEIGHT - 3, class: "tick" }, "glimpse"));
  return elements;
}

/**
 * @param {Session} session
 * @param {Step[]} steps
 * @returns {Step[]} Those up to the glimpse that is shown.
 */
function taken(session, steps) {
  return steps.slice(0, session.state.shown + 1);
}

/**
 * @param {Session} session
 * @returns {string}
 */
function nowInWords(session) {
  const { step } = session;
  const rightly = session.labelInformation(step);
  const sure = `Now: ${natsInWords(informationGain(step.belief))} nats sure`;
  return rightly === null ? `${sure}.` : `${sure}, ${natsInWords(rightly)} nats rightly sure.`;
}

/**
 * @param {Session} session
 * @returns {string}
 */
function curveInWords(session) {
  const list = (/** @type {(step: Step) => number} */ measure) => {
    return taken(session, session.steps)
      .map((step) => natsInWords(measure(step)))
      .join(", ");
  };
  const sure = `Nats after each glimpse. Sure: ${list((step) => informationGain(step.belief))}.`;
  if (session.label === null) return sure;
  return `${sure} Rightly sure: ${list((step) => session.labelInformation(step) ?? 0)}.`;
}
