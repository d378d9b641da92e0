/**
 * Elements of the page. Texts from an agent's file become text, never markup.
 */

/** @type {Record<string, [number, number]>} The direction of each arrow key. */
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T} The element of that id, which the template has.
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page lacks #${id}`);
  return /** @type {T} */ (element);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{class?: string, text?: string, label?: string}} [properties]
 * @param {Node[]} [children]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function html(tag, properties = {}, children = []) {
  const element = document.createElement(tag);
  if (properties.class !== undefined) element.className = properties.class;
  if (properties.text !== undefined) element.textContent = properties.text;
  if (properties.label !== undefined) element.setAttribute("aria-label", properties.label);
  element.append(...children);
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {string} [text]
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, text = "") {
  const element = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== "") element.textContent = text;
  return element;
}

/**
 * @param {Element} frame
 * @param {MouseEvent} event
 * @param {number} width
 * @param {number} height
 * @returns {[number, number]} Where the pointer is, if the frame were so wide and so high.
 */
export function pointIn(frame, event, width, height) {
  const box = frame.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
}

/**
 * Shows an element, or hides it from everybody.
 *
 * @param {HTMLElement} element
 * @param {boolean} isShown
 */
export function toggle(element, isShown) {
  element.hidden = !isShown;
}

/**
 * Sets the text of an element, unless it is that already: screen readers read it again whenever it is set.
 *
 * @param {string} id
 * @param {string} text
 */
export function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets an attribute of an element, unless it is that already: the browser would work out the style and the accessible
 * name anew.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Says something at the top of the page, or nothing.
 *
 * @param {string} sentence
 */
export function say(sentence) {
  setText("notice", sentence);
  toggle(byId("notice"), sentence !== "");
}
