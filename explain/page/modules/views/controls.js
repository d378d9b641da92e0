/**
 * Going from glimpse to glimpse, who looks, which control is shown, and links.
 */

import { CONTROLS, DRIVERS, readLink, writeLink } from "../link.js";
import { byId, say, setAttribute, setText, toggle } from "./dom.js";

/** @typedef {import("../session.js").Session} Session */

/** @param {Session} session */
export function glimpsesView(session) {
  const slider = /** @type {HTMLInputElement} */ (byId("glimpse"));
  const last = session.content.numGlimpses - 1;
  slider.max = String(last + 1);
  const go = (/** @type {number} */ glimpse) => session.change({ shown: Math.min(Math.max(glimpse, 0), last) });
  slider.oninput = () => go(Number(slider.value) - 1);
  byId("previous").onclick = () => go(session.state.shown - 1);
  byId("next").onclick = () => go(session.state.shown + 1);
  byId("play").onclick = () => (session.isPlaying ? session.change({}) : session.play());
  session.views.push(() => {
    const { shown } = session.state;
    slider.value = String(shown + 1);
    const words = `Glimpse ${shown + 1} of ${last + 1}`;
    setAttribute(slider, "aria-valuetext", words);
    setText("glimpse-words", words);
    setText("play", session.isPlaying ? "Stop" : "Play");
    /** @type {HTMLButtonElement} */ (byId("previous")).disabled = shown === 0;
    /** @type {HTMLButtonElement} */ (byId("next")).disabled = shown === last;
  });
}

/** @param {Session} session */
export function choicesView(session) {
  for (const driver of DRIVERS) {
    byId(`driver-${driver}`).onchange = () => session.change({ driver });
  }
  for (const control of CONTROLS) {
    byId(`control-${control}`).onchange = () => session.change({ control });
  }
  toggle(byId("control-shuffled-label"), session.content.shuffledVae !== null);
  byId("reseed").onclick = () => session.change({ seed: Math.floor(Math.random() * 2 ** 31), path: [] });
  session.views.push(() => {
    const { driver, control } = session.state;
    /** @type {HTMLInputElement} */ (byId(`driver-${driver}`)).checked = true;
    /** @type {HTMLInputElement} */ (byId(`control-${control}`)).checked = true;
    document.body.classList.toggle("controlled", control !== "trained");
    toggle(byId("controlled"), control !== "trained");
    setText("reseed", driver === "random" ? "Other random places" : "Another first glimpse");
    toggle(byId("reseed"), session.state.example === null || driver === "random");
  });
}

/** @param {Session} session */
export function linkView(session) {
  const field = /** @type {HTMLInputElement} */ (byId("link"));
  const words = byId("link-words");
  byId("copy-link").onclick = async () => {
    const link = new URL(location.href);
    link.hash = writeLink(session.state, session.content);
    field.value = link.href;
    toggle(field, true);
    history.replaceState(null, "", link.hash);
    try {
      await navigator.clipboard.writeText(link.href);
      words.textContent = "The link is copied.";
    } catch {
      field.select();
      words.textContent = "This browser does not let the page copy: the link is here.";
    }
  };
  const open = () => {
    const link = location.hash.slice(1);
    if (link === "") return;
    try {
      session.change(readLink(link, session.content));
      say("");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      say(`The link to this page is damaged: ${reason}. So what you see is not what it led to.`);
    }
  };
  window.addEventListener("hashchange", open);
  open();
}
