/**
 * The worker: keeps the networks, and answers requests for maps.
 */

import { Networks } from "./content.js";
import { computeMap } from "./imagining.js";

/** @type {Networks} */
let networks;

globalThis.onmessage = ({ data }) => {
  if (data.content) networks = new Networks(data.content);
  if (data.request) globalThis.postMessage(computeMap(networks, data.request));
};
