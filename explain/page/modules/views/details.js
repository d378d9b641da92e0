/**
 * What the retina delivers, and what the agent remembers as an image.
 */

import { byId, html, toggle } from "./dom.js";
import { paintCovered, paintPicture } from "./pixels.js";

/** @typedef {import("../session.js").Session} Session */

/** @param {Session} session */
export function retinaView(session) {
  const { retina } = session;
  const { channels } = session.content.canvas;
  const scales = Array.from({ length: retina.numScales }, (_, scale) => {
    const canvas = html("canvas", { class: "pixels", label: `The glimpse at scale ${scale + 1}` });
    canvas.setAttribute("role", "img");
    const side = retina.patchSize(scale);
    const caption = html("figcaption", { text: `${side} × ${side} pixels` });
    byId("retina").append(html("figure", {}, [canvas, caption]));
    return canvas;
  });
  onNewStep(session, () => {
    const size = retina.glimpseSize;
    const length = channels * size * size;
    const bytes = Uint8Array.from(session.step.glimpse, (value) => Math.round(255 * value));
    scales.forEach((canvas, scale) => {
      const pixels = bytes.subarray(scale * length, (scale + 1) * length);
      paintPicture(canvas, { channels, height: size, width: size, pixels });
    });
  });
}

/** @param {Session} session */
export function imaginedView(session) {
  const canvas = /** @type {HTMLCanvasElement} */ (byId("imagined"));
  const original = /** @type {HTMLCanvasElement} */ (byId("imagined-original"));
  onNewStep(session, () => {
    const { networks, state, steps, retina } = session;
    const locations = steps.slice(0, state.shown + 1).map(({ location }) => location);
    const covered = retina.coverage(locations, session.canvas);
    paintCovered(canvas, networks.vae(state.control).reconstruct(session.step.state), covered, "blue");
    const vae = networks.originalVae;
    // There is no control of it, so that it is shown with the agent alone.
    toggle(byId("original"), vae !== null && state.control === "trained");
    if (vae !== null) paintPicture(original, vae.reconstruct(session.step.state));
  });
}

/**
 * Adds a view that depends on nothing but the step that is shown, which is another one after each change of the others.
 *
 * @param {Session} session
 * @param {() => void} view
 */
function onNewStep(session, view) {
  /** @type {import("../network/agent.js").Step | null} */
  let shown = null;
  session.views.push(() => {
    if (session.step !== shown) view();
    shown = session.step;
  });
}
