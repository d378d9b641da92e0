/**
 * What the agent sees: the canvas, dark where it has not looked, with its path and glimpses that can be dragged.
 */

import { ARROWS, byId, html, svg, toggle } from "./dom.js";
import { centreOf, paintCovered } from "./pixels.js";

/** @typedef {import("../retina.js").Location} Location */
/** @typedef {import("../session.js").Session} Session */

/** @param {Session} session */
export function gazeView(session) {
  const canvas = byId("gaze-canvas");
  const frame = byId("gaze-frame");
  const overlay = byId("gaze-overlay");
  const { width, height } = session.content.canvas;
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const handles = Array.from({ length: session.content.numGlimpses }, (_, glimpse) =>
    makeHandle(session, frame, glimpse),
  );
  frame.append(...handles);

  session.views.push(() => {
    const { retina, state, steps } = session;
    const taken = steps.slice(0, state.shown + 1);
    const covered = retina.coverage(
      taken.map(({ location }) => location),
      session.canvas,
    );
    paintCovered(/** @type {HTMLCanvasElement} */ (canvas), session.canvas, covered, "dimmed");
    overlay.replaceChildren();
    if (session.isEmpty) {
      for (const handle of handles) toggle(handle, false);
      return;
    }
    if (session.isOther) overlay.append(...pathOf(session, session.own, "own"));
    for (const { location } of taken.slice(0, -1)) overlay.append(patch(session, location, 0, "earlier"));
    for (let scale = 0; scale < retina.numScales; scale++) {
      overlay.append(patch(session, session.step.location, scale, scale === 0 ? "now" : "coarse"));
    }
    overlay.append(...pathOf(session, taken, "path"));
    handles.forEach((handle, glimpse) => {
      toggle(handle, glimpse < taken.length);
      if (glimpse >= taken.length) return;
      const [x, y] = centreOf(retina, steps[glimpse].location, session.canvas);
      handle.style.left = `${(100 * Math.min(Math.max(x, 0), width)) / width}%`;
      handle.style.top = `${(100 * Math.min(Math.max(y, 0), height)) / height}%`;
      handle.classList.toggle("now", glimpse === state.shown);
      handle.classList.toggle("given", glimpse < state.path.length);
      const place = `column ${Math.floor(x)}, row ${Math.floor(y)}`;
      handle.setAttribute("aria-label", `Glimpse ${glimpse + 1} at ${place}. Move it with the arrow keys.`);
    });
    toggle(byId("what-if"), session.isOther);
    byId("what-if-text").textContent = whatIf(session);
  });
  byId("what-if-reset").onclick = () => session.change({ path: [], driver: "learned" });
}

/**
 * @param {Session} session
 * @returns {string}
 */
function whatIf({ state, steps, own }) {
  const moved = steps.findIndex(({ location }, at) => location.some((side, axis) => side !== own[at].location[axis]));
  const who = { learned: "the agent goes on from there", eig: "the highest EIG", random: "chance" }[state.driver];
  const cause = moved < state.path.length ? `you moved glimpse ${moved + 1}, then ${who}` : `${who} chose the glimpses`;
  return `What if: ${cause}. Blue shows the agent's own path.`;
}

/**
 * @param {Session} session
 * @param {HTMLElement} frame
 * @param {number} glimpse
 * @returns {HTMLButtonElement}
 */
function makeHandle(session, frame, glimpse) {
  const handle = html("button", { class: "handle", text: String(glimpse + 1) });
  const { width, height } = session.content.canvas;
  const moveTo = (/** @type {number} */ x, /** @type {number} */ y) => {
    const across = Math.min(Math.max((2 * x) / width - 1, -1), 1);
    session.move(glimpse, [across, Math.min(Math.max((2 * y) / height - 1, -1), 1)]);
  };
  handle.type = "button";
  handle.onpointerdown = (event) => {
    handle.setPointerCapture(event.pointerId);
    session.change({ shown: glimpse });
  };
  handle.onpointermove = (event) => {
    if (!handle.hasPointerCapture(event.pointerId) || (event.movementX === 0 && event.movementY === 0)) return;
    const box = frame.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    moveTo(x, ((event.clientY - box.top) / box.height) * height);
  };
  handle.onclick = () => session.change({ shown: glimpse });
  handle.onkeydown = (event) => {
    const arrow = ARROWS[event.key];
    if (arrow === undefined) return;
    event.preventDefault();
    const [x, y] = session.steps[glimpse].location;
    moveTo(((x + 1) / 2) * width + arrow[0], ((y + 1) / 2) * height + arrow[1]);
  };
  return handle;
}

/**
 * @param {Session} session
 * @param {Location} location
 * @param {number} scale
 * @param {string} kind
 * @returns {SVGElement}
 */
export function patch({ retina, canvas }, location, scale, kind) {
  const [x, y] = retina.patchCorner(location, canvas, scale);
  const side = retina.patchSize(scale);
  return svg("rect", { x, y, width: side, height: side, class: `patch ${kind}` });
}

/**
 * @param {Session} session
 * @param {import("../agent.js").Step[]} steps
 * @param {string} kind
 * @returns {SVGElement[]}
 */
function pathOf({ retina, canvas }, steps, kind) {
  const points = steps.map(({ location }) => centreOf(retina, location, canvas));
  const line = svg("polyline", { points: points.map((point) => point.join(",")).join(" "), class: `line ${kind}` });
  if (kind === "path") return [line];
  const radius = canvas.width / 60;
  return [line, ...points.map(([cx, cy]) => svg("circle", { cx, cy, r: radius, class: `dot ${kind}` }))];
}
