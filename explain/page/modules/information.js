/**
 * What a belief tells, in nats, as `explain.knowledge.information` has it.
 */

/**
 * The entropy of a belief: how uncertain it is.
 *
 * @param {ArrayLike<number>} belief
 * @returns {number} From 0 to log C.
 */
export function entropy(belief) {
  let sum = 0;
  for (let at = 0; at < belief.length; at++) if (belief[at] > 0) sum -= belief[at] * Math.log(belief[at]);
  return sum;
}

/**
 * How sure a belief is, right or wrong: log C less its entropy.
 *
 * @param {ArrayLike<number>} belief
 * @returns {number} From 0 to log C.
 */
export function informationGain(belief) {
  return Math.log(belief.length) - entropy(belief);
}

/**
 * How rightly sure a belief is: log C plus the logarithm of the probability of the true class.
 *
 * @param {ArrayLike<number>} belief
 * @param {number} label
 * @returns {number} At most log C; below 0 if the true class is less probable than a guess.
 */
export function labelInformation(belief, label) {
  return Math.log(belief.length) + Math.log(belief[label]);
}

/**
 * The Kullback-Leibler divergence KL(p || q) = sum p log(p / q), in a form in which no term is negative.
 *
 * @param {ArrayLike<number>} belief p
 * @param {ArrayLike<number>} other q
 * @returns {number} At least 0.
 */
export function divergence(belief, other) {
  let sum = 0;
  for (let at = 0; at < belief.length; at++) {
    const p = belief[at];
    if (p > 0) sum += p * Math.log(p / other[at]) - p;
    sum += other[at];
  }
  return Math.max(sum, 0);
}

/**
 * @param {ArrayLike<number>} values
 * @returns {number} Position of the largest value.
 */
export function argmax(values) {
  let best = 0;
  for (let at = 1; at < values.length; at++) if (values[at] > values[best]) best = at;
  return best;
}

/**
 * @param {ArrayLike<number>} belief
 * @returns {boolean} Whether it gives every class less than twice what a guess would.
 */
export function isGuess(belief) {
  return belief[argmax(belief)] < 2 / belief.length;
}
