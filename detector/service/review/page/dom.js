// Elements from data. Text always becomes a text node: nothing that a client sent is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; attributes that are functions listen, null and false leave an attribute out. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Place by percent of the parent; through the CSSOM, which the page's policy allows, unlike style attributes. */
export function placed(node, places) {
  for (const [side, share] of Object.entries(places)) node.style[side] = `${100 * share}%`;
  return node;
}

/** A button. */
export function button(words, press, attributes = {}) {
  return element("button", { type: "button", click: press, ...attributes }, words);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
