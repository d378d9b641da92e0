/**
 * The map of expected information gain, and the imagined canvases behind each number of it.
 */

import { clamp } from "../canvas/scene.js";
import { GRID, NUM_SAMPLES } from "../imagining.js";
import { argmax, divergence } from "../information.js";
import { MAX_PIXEL } from "../retina.js";
import { natsInWords, percent } from "../words.js";
import { ARROWS, byId, html, pointIn, svg, toggle } from "./dom.js";
import { patch } from "./gaze.js";
import { centreOf, paint, paintPicture, viridis } from "./pixels.js";

/** @typedef {import("../eig.js").EIGMap} EIGMap */
/** @typedef {import("../session.js").Session} Session */

/** Colours of the map stand for numbers from 0 to its highest one, which counts as at least so many nats. */
const LEAST_SCALE = 0.05;

/** @param {Session} session */
export function mapView(session) {
  const frame = byId("map-frame");
  const canvas = /** @type {HTMLCanvasElement} */ (byId("map-canvas"));
  const cells = /** @type {HTMLCanvasElement} */ (byId("map-cells"));
  const overlay = byId("map-overlay");
  const { width, height } = session.content.canvas;
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  paint(/** @type {HTMLCanvasElement} */ (byId("map-scale")), { height: 1, width: 64 }, (pixel, into, at) => {
    into.set(viridis(pixel / 63), at);
  });

  frame.onclick = (event) => {
    const [column, row] = pointIn(frame, event, GRID, GRID).map((at) => clamp(Math.floor(at), 0, GRID - 1));
    session.pick(row * GRID + column);
  };
  frame.onkeydown = (event) => {
    const arrow = ARROWS[event.key];
    if (arrow === undefined || session.map === null) return;
    event.preventDefault();
    const from = session.picked ?? argmax(session.map.divergence);
    const column = clamp((from % GRID) + arrow[0], 0, GRID - 1);
    const row = clamp(Math.floor(from / GRID) + arrow[1], 0, GRID - 1);
    session.pick(session.picked === null ? from : row * GRID + column);
  };

  session.views.push(() => {
    const { map, state, step } = session;
    const words = byId("map-words");
    byId("map").classList.toggle("waiting", map === null);
    overlay.replaceChildren();
    paintPicture(canvas, session.canvas, 0.6);
    toggle(cells, !session.isEmpty);
    if (map === null) {
      words.textContent = session.isEmpty ? "There is nothing to look at yet." : session.problem || "Computing …";
      byId("map-high").textContent = "";
      return;
    }
    const highest = Math.max(...map.divergence);
    const top = Math.max(highest, LEAST_SCALE);
    paintCells(cells, map.divergence, top);
    byId("map-high").textContent = `${top.toFixed(2)} nats`;
    const best = argmax(map.divergence);
    const isLast = state.shown === session.content.numGlimpses - 1;
    const next = session.steps.at(state.shown + 1)?.location ?? step.next;
    if (!isLast) overlay.append(cross(session, next));
    if (session.picked !== null) overlay.append(patch(session, session.grid[session.picked], 0, "now"));
    const [x, y] = centreOf(session.retina, session.grid[best], session.canvas);
    words.textContent =
      `Most is expected at column ${Math.floor(x)}, row ${Math.floor(y)}: ${highest.toFixed(2)} nats.` +
      (isLast ? " This was the last glimpse." : " The cross is where it looks next.");
  });
}

/** @param {Session} session */
export function behindView(session) {
  const tiles = byId("behind-tiles");
  session.views.push(() => {
    const { map, picked } = session;
    toggle(byId("behind"), map !== null && picked !== null);
    if (map === null || picked === null) return;
    const location = session.grid[picked];
    const [x, y] = centreOf(session.retina, location, session.canvas);
    byId("behind-words").textContent =
      `Looking at column ${Math.floor(x)}, row ${Math.floor(y)} is expected to change the belief by ` +
      `${natsInWords(map.divergence[picked])} nats: the mean of the ${NUM_SAMPLES} numbers below. ` +
      `Counted as mutual information, which leaves out a change that every imagined canvas brings about, it is ` +
      `${natsInWords(map.mutualInformation[picked])} nats.`;
    tiles.replaceChildren(...map.canvases.map((_, sample) => tile(session, map, picked, sample)));
  });
  byId("behind-close").onclick = () => {
    session.pick(null);
    byId("map-frame").focus();
  };
}

/**
 * @param {Session} session
 * @param {EIGMap} map
 * @param {number} place
 * @param {number} sample
 * @returns {HTMLElement}
 */
function tile(session, map, place, sample) {
  const { classNames, canvas: shape } = session.content;
  const canvas = html("canvas", { class: "pixels" });
  paintPicture(canvas, map.canvases[sample]);
  const overlay = svg("svg", { viewBox: `0 0 ${shape.width} ${shape.height}`, "aria-hidden": "true" });
  overlay.append(patch(session, session.grid[place], 0, "now"));
  const start = (sample * session.grid.length + place) * classNames.length;
  const belief = map.beliefs.subarray(start, start + classNames.length);
  const top = argmax(belief);
  const gain = divergence(belief, session.step.belief);
  return html("li", {}, [
    html("div", { class: "frame" }, [canvas, overlay]),
    html("strong", { text: `${classNames[top]} ${percent(belief[top])}` }),
    html("span", { text: `${natsInWords(gain)} nats` }),
  ]);
}

/**
 * Paints one pixel for each cell of the map, the more opaque the higher; the style sheet lays them over the canvas.
 *
 * @param {HTMLCanvasElement} element
 * @param {Float32Array} values (GRID * GRID)
 * @param {number} top Of the scale.
 */
function paintCells(element, values, top) {
  paint(element, { height: GRID, width: GRID }, (cell, into, at) => {
    const height = values[cell] / top;
    into.set(viridis(height), at);
    into[at + 3] = 0.85 * MAX_PIXEL * height;
  });
}

/**
 * @param {Session} session
 * @param {import("../retina.js").Location} location
 * @returns {SVGElement}
 */
function cross({ retina, canvas }, location) {
  const [x, y] = centreOf(retina, location, canvas);
  const reach = canvas.width / 28;
  const d = `M${x - reach},${y - reach}L${x + reach},${y + reach}M${x - reach},${y + reach}L${x + reach},${y - reach}`;
  return svg("path", { d, class: "cross" });
}
