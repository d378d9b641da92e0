/**
 * Going from glimpse to glimpse, who looks, which control is shown, and links.
 */

import { CONTROLS, DRIVERS, readLink, writeLink } from "../link.js";
import { byId, toggle } from "./dom.js";

/** @typedef {import("../session.js").Session} Session */

/** Milliseconds for each glimpse that is played. */
const PACE = 900;

/** @param {Session} session */
export function glimpsesView(session) {
  const slider = /** @type {HTMLInputElement} */ (byId("glimpse"));
  const last = session.content.numGlimpses - 1;
  slider.max = String(last + 1);
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
  };
  const go = (/** @type {number} */ glimpse) => session.change({ shown: Math.min(Math.max(glimpse, 0), last) });
  const goAndStop = (/** @type {number} */ glimpse) => {
    stop();
    go(glimpse);
  };
  slider.oninput = () => goAndStop(Number(slider.value) - 1);
  byId("previous").onclick = () => goAndStop(session.state.shown - 1);
  byId("next").onclick = () => goAndStop(session.state.shown + 1);
  byId("play").onclick = () => {
    if (timer !== 0) {
      stop();
    } else {
      if (session.state.shown === last) go(0);
      timer = window.setInterval(() => {
        if (session.state.shown + 1 < session.steps.length) go(session.state.shown + 1);
        if (session.state.shown === last) stop();
        session.show();
      }, PACE);
    }
    session.show();
  };
  session.views.push(() => {
    const { shown } = session.state;
    slider.value = String(shown + 1);
    slider.setAttribute("aria-valuetext", `Glimpse ${shown + 1} of ${last + 1}`);
    byId("glimpse-words").textContent = `Glimpse ${shown + 1} of ${last + 1}`;
    byId("play").textContent = timer === 0 ? "Play" : "Stop";
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
    byId("reseed").textContent = driver === "random" ? "Other random places" : "Another first glimpse";
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
      say(`The link to this page is damaged: ${reason}. So the page shows what it shows first.`);
    }
  };
  window.addEventListener("hashchange", open);
  open();
}

/**
 * Says something at the top of the page, or nothing.
 *
 * @param {string} sentence
 */
export function say(sentence) {
  byId("notice").textContent = sentence;
  toggle(byId("notice"), sentence !== "");
}
