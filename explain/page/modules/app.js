/**
 * Starts the page.
 */

import { Networks } from "./content.js";
import { Imagining } from "./imagining.js";
import { Session } from "./session.js";
import { beliefView } from "./views/belief.js";
import { choicesView, glimpsesView, linkView } from "./views/controls.js";
import { curveView } from "./views/curve.js";
import { imaginedView, retinaView } from "./views/details.js";
import { byId, say } from "./views/dom.js";
import { gazeView } from "./views/gaze.js";
import { behindView, mapView } from "./views/map.js";
import { pictureView } from "./views/picture.js";

const VIEWS = [
  pictureView,
  gazeView,
  beliefView,
  glimpsesView,
  choicesView,
  retinaView,
  imaginedView,
  mapView,
  behindView,
  curveView,
];

/** @returns {Worker | null} None where the browser has no workers, or does not allow one here. */
function startWorker() {
  try {
    const code = byId("worker").textContent ?? "";
    return new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  } catch {
    return null;
  }
}

function start() {
  const content = JSON.parse(byId("content").textContent ?? "");
  const networks = new Networks(content);
  const worker = startWorker();
  if (worker === null)
    say("This browser has no workers. The map is computed in the page, which then stops for a moment.");
  const session = new Session(content, networks, new Imagining(networks, worker));
  for (const view of VIEWS) view(session);
  session.change({ seed: 2 });
  linkView(session);
  byId("app").hidden = false;
}

try {
  start();
} catch (error) {
  say(`This browser cannot run the page: ${error instanceof Error ? error.message : error}.`);
}
