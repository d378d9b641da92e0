/**
 * Numbers and beliefs in words.
 */

import { isGuess } from "./information.js";

/** @typedef {import("./session.js").Session} Session */

/**
 * @param {number} probability
 * @returns {string}
 */
export function percent(probability) {
  if (probability > 0.999) return "> 99.9 %";
  return `${(100 * probability).toFixed(probability > 0.99 ? 1 : 0)} %`;
}

/**
 * @param {number} information In nats.
 * @returns {string} With two decimals and a true minus sign.
 */
export function natsInWords(information) {
  const text = information.toFixed(2);
  return text === "-0.00" ? "0.00" : text.replace("-", "−");
}

/**
 * What the agent believes, for a reader who does not see the bars.
 *
 * @param {Session} session
 * @returns {string}
 */
export function beliefInWords({ isEmpty, content, state, step, label }) {
  if (isEmpty) return "There is nothing to look at yet.";
  const order = [...step.belief.keys()].sort((one, other) => step.belief[other] - step.belief[one]);
  const [first, second] = order.map((at) => `${content.classNames[at]} (${percent(step.belief[at])})`);
  const guess = isGuess(step.belief) ? " That is hardly more than a guess." : "";
  const verdict = label === null ? "" : label === order[0] ? " That is right." : ` It is ${content.classNames[label]}.`;
  return `After glimpse ${state.shown + 1} of ${content.numGlimpses} the agent believes ${first}, then ${second}.${guess}${verdict}`;
}
