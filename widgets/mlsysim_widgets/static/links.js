/** Links: the design of each dashboard behind the # of the page's address. */

const SEPARATOR = ";";

const parts = () => location.hash.slice(1).split(SEPARATOR).filter(Boolean);

function addressOf(name, link) {
  const others = parts().filter((part) => !part.startsWith(`${name}?`));
  return `#${[...others, `${name}?${link}`].join(SEPARATOR)}`;
}

/** The design that the address gives to a dashboard, as names with texts; null without one. */
export function linkedDesign(name) {
  const own = parts().find((part) => part.startsWith(`${name}?`));
  return own ? Object.fromEntries(new URLSearchParams(own.slice(name.length + 1))) : null;
}

/** The address of this page with a design in it. */
export const linkTo = (name, link) => new URL(addressOf(name, link), location.href).href;

/** Take all designs out of the address: whoever uses the page next has not made them. */
export function forgetDesigns() {
  history.replaceState(history.state, "", location.pathname + location.search);
}

/** Keep the present design in the address, so that a reload of the page comes back to it. */
export function keepInAddress(name, link) {
  history.replaceState(history.state, "", addressOf(name, link));
}
