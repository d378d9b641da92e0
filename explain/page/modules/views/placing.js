/**
 * Where the image is on a larger canvas, how large, and among which distractors.
 */

import { clampPlacement, LARGEST, placementOf, SMALLEST } from "../canvas/scene.js";
import { roundForLink } from "../link.js";
import { ARROWS, byId, pointIn, svg, toggle } from "./dom.js";

/** @typedef {import("../canvas/drawing.js").Point} Point */
/** @typedef {import("../link.js").Placement} Placement */
/** @typedef {import("../session.js").Session} Session */

/** How far from the corner of the frame a pointer takes hold of it, as a part of the canvas. */
const CORNER = 0.06;

/**
 * Moves the image on a larger canvas by dragging it, changes its size by dragging its corner, and draws fresh
 * distractors.
 *
 * @param {Session} session
 * @returns {() => SVGElement[]} A frame around the image while it can be moved, in pixels of the canvas.
 */
export function placeImage(session) {
  const { content } = session;
  const { width, height } = content.canvas;
  const frame = byId("picture-frame");
  const size = /** @type {HTMLInputElement} */ (byId("size"));
  const isMoving = () => byId("mode-move").matches(":checked") && !session.isEmpty;
  const placement = () => clampPlacement(placementOf(session.state, content, session.examples), content);
  const place = (/** @type {Partial<Placement>} */ change) => {
    const { x, y, scale, distractors } = clampPlacement({ ...placement(), ...change }, content);
    session.change({
      placement: { x: roundForLink(x), y: roundForLink(y), scale: roundForLink(scale), distractors },
    });
  };
  size.min = String(SMALLEST);
  size.max = String(Math.min(LARGEST, width / content.image.width));
  size.oninput = () => place({ scale: Number(size.value) });
  byId("distractors").onclick = () => place({ distractors: Math.floor(Math.random() * 2 ** 31) });
  toggle(byId("placing"), true);
  toggle(byId("distractors"), content.numDistractors > 0);
  for (const mode of document.getElementsByName("mode")) mode.onchange = () => session.show();

  const pointAt = (/** @type {PointerEvent} */ event) => pointIn(frame, event, width, height);
  const isAtCorner = (/** @type {PointerEvent} */ event) => {
    const { x, y, scale } = placement();
    const [right, bottom] = [x + (content.image.width * scale) / 2, y + (content.image.height * scale) / 2];
    const [atX, atY] = pointAt(event);
    return Math.max(Math.abs(atX - right), Math.abs(atY - bottom)) < CORNER * width;
  };
  /** @type {{at: Point, from: Placement, isScaling: boolean} | null} */
  let drag = null;
  frame.addEventListener("pointerdown", (event) => {
    if (!isMoving() || !event.isPrimary || event.button !== 0) return;
    frame.setPointerCapture(event.pointerId);
    drag = { at: pointAt(event), from: placement(), isScaling: isAtCorner(event) };
  });
  frame.addEventListener("pointermove", (event) => {
    if (drag === null) {
      frame.style.cursor = !isMoving() ? "" : isAtCorner(event) ? "nwse-resize" : "grab";
      return;
    }
    const [x, y] = pointAt(event);
    const { at, from, isScaling } = drag;
    if (isScaling) place({ scale: (2 * Math.max(x - from.x, y - from.y)) / content.image.width });
    else place({ x: from.x + x - at[0], y: from.y + y - at[1] });
  });
  for (const name of ["pointerup", "pointercancel"]) {
    frame.addEventListener(name, () => {
      drag = null;
    });
  }
  frame.addEventListener("wheel", (event) => {
    if (!isMoving()) return;
    event.preventDefault();
    place({ scale: placement().scale * (event.deltaY < 0 ? 1.05 : 1 / 1.05) });
  });
  frame.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (!isMoving() || arrow === undefined) return;
    event.preventDefault();
    place({ x: placement().x + arrow[0], y: placement().y + arrow[1] });
  });
  session.views.push(() => {
    size.value = String(placement().scale);
    byId("size-words").textContent = `${Math.round(100 * placement().scale)} %`;
  });
  return () => {
    if (!isMoving()) return [];
    const { x, y, scale } = placement();
    const [wide, high] = [content.image.width * scale, content.image.height * scale];
    const grip = width / 50;
    return [
      svg("rect", { x: x - wide / 2, y: y - high / 2, width: wide, height: high, class: "outline" }),
      svg("circle", { cx: x + wide / 2 - grip, cy: y + high / 2 - grip, r: grip, class: "corner-grip" }),
    ];
  };
}
