/**
 * What the agent sees: the canvas, dark where it has not looked, with its path and glimpses that can be dragged.
 */

import { ARROWS, byId, html, pointIn, setAttribute, svg, toggle } from "./dom.js";
import { centreOf, paintCovered } from "./pixels.js";

/** @typedef {import("../retina.js").Location} Location */
/** @typedef {import("../session.js").Session} Session */

/** How far from the middle of a handle a pointer takes hold of it, in pixels of the screen. */
const REACH = 21;
/** How far a pointer must go before it drags, in pixels of the screen. */
const DRAG_STARTS = 3;

/** @param {Session} session */
export function gazeView(session) {
  const canvas = byId("gaze-canvas");
  const frame = byId("gaze-frame");
  const overlay = byId("gaze-overlay");
  const { width, height } = session.content.canvas;
  overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const handles = Array.from({ length: session.content.numGlimpses }, (_, glimpse) => makeHandle(session, glimpse));
  frame.append(...handles);
  makeDraggable(session, frame, handles);

  session.views.push(() => {
    const { retina, state, steps } = session;
    const taken = session.isEmpty ? [] : steps.slice(0, state.shown + 1);
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
      setAttribute(handle, "aria-label", `Glimpse ${glimpse + 1} at ${place}. Move it with the arrow keys.`);
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
  const who = { learned: "the agent", eig: "the highest EIG", random: "chance" }[state.driver];
  const cause = moved < state.path.length ? `you moved glimpse ${moved + 1}, ${who} chose` : `${who} chose`;
  return `What if: ${cause} what follows. Blue shows the agent’s own path.`;
}

/**
 * A number on the canvas. The keys move it; the pointer is up to `makeDraggable`.
 *
 * @param {Session} session
 * @param {number} glimpse
 * @returns {HTMLButtonElement}
 */
function makeHandle(session, glimpse) {
  const handle = html("button", { class: "handle", text: String(glimpse + 1) });
  const { width, height } = session.content.canvas;
  handle.type = "button";
  handle.onclick = () => session.change({ shown: glimpse });
  handle.onkeydown = (event) => {
    const arrow = ARROWS[event.key];
    if (arrow === undefined) return;
    event.preventDefault();
    const [x, y] = session.steps[glimpse].location;
    moveTo(session, glimpse, ((x + 1) / 2) * width + arrow[0], ((y + 1) / 2) * height + arrow[1]);
  };
  return handle;
}

/**
 * Lets the pointer drag the handle that is nearest to it: handles may lie on top of each other.
 *
 * @param {Session} session
 * @param {HTMLElement} frame
 * @param {HTMLButtonElement[]} handles
 */
function makeDraggable(session, frame, handles) {
  const { width, height } = session.content.canvas;
  /** @type {{glimpse: number, x: number, y: number, isMoving: boolean} | null} */
  let dragged = null;
  frame.onpointerdown = (event) => {
    const glimpse = nearest(handles, event);
    if (glimpse === null || !event.isPrimary || event.button !== 0) return;
    frame.setPointerCapture(event.pointerId);
    handles[glimpse].focus({ preventScroll: true });
    dragged = { glimpse, x: event.clientX, y: event.clientY, isMoving: false };
    session.change({ shown: glimpse });
  };
  frame.onmousedown = (event) => event.preventDefault(); // keeps the focus where it was just set
  frame.onpointermove = (event) => {
    if (dragged === null) {
      frame.style.cursor = nearest(handles, event) === null ? "" : "grab";
      return;
    }
    dragged.isMoving ||= Math.hypot(event.clientX - dragged.x, event.clientY - dragged.y) >= DRAG_STARTS;
    if (!dragged.isMoving) return;
    moveTo(session, dragged.glimpse, ...pointIn(frame, event, width, height));
  };
  frame.onpointerup = frame.onpointercancel = () => {
    dragged = null;
  };
}

/**
 * @param {HTMLButtonElement[]} handles
 * @param {PointerEvent} event
 * @returns {number | null} The handle that is nearest to the pointer, if one is within reach.
 */
function nearest(handles, event) {
  const distances = handles.map((handle) => {
    if (handle.hidden) return Number.POSITIVE_INFINITY;
    const { left, top, width, height } = handle.getBoundingClientRect();
    return Math.hypot(event.clientX - left - width / 2, event.clientY - top - height / 2);
  });
  const least = Math.min(...distances);
  return least <= REACH ? distances.lastIndexOf(least) : null;
}

/**
 * @param {Session} session
 * @param {number} glimpse
 * @param {number} x In pixels of the canvas.
 * @param {number} y
 */
function moveTo(session, glimpse, x, y) {
  const { width, height } = session.content.canvas;
  const across = Math.min(Math.max((2 * x) / width - 1, -1), 1);
  session.move(glimpse, [across, Math.min(Math.max((2 * y) / height - 1, -1), 1)]);
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
 * @param {import("../network/agent.js").Step[]} steps
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
