// @ts-check
// Icons, and the buttons that show them.

/** Paths on a 24 x 24 grid, drawn with the current colour. */
const VV_ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  previous: "M12 7.500 4.500 15 6 16.500l6-6 6 6 1.500-1.500z",
  next: "M12 16.500 4.500 9 6 7.500l6 6 6-6L19.500 9z",
  sound: "M4 9.5v5h3.5L12 19V5L7.500 9.500zM14.500 8.200v7.600c1.500-.700 2.500-2.100 2.500-3.800s-1-3.100-2.500-3.800zM14.500 4v2.100c2.700.800 4.500 3.200 4.500 5.900s-1.800 5.100-4.500 5.900V20c3.800-.900 6.500-4.100 6.500-8s-2.700-7.100-6.500-8z",
  muted: "M4 9.5v5h3.5L12 19V5L7.5 9.5zM21 9.600 19.500 8.100 17.300 10.400 15.100 8.100 13.600 9.600 15.900 11.900 13.600 14.200 15.100 15.700 17.300 13.400 19.500 15.700 21 14.200 18.700 11.900z",
  check: "M9.500 17.600 4 12.100l1.600-1.600 3.900 3.900 8.900-8.900L20 7.100z",
  warning: "M12 3 1.500 21h21zM11 10h2v5h-2zm0 6.500h2v2h-2z",
  stop: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zM6.500 10.700h11v2.600h-11z",
  clock: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2.200a7.800 7.800 0 1 1 0 15.600 7.800 7.800 0 0 1 0-15.600zM11 7v5.600l4.300 2.600 1-1.700-3.300-2V7z",
  circle: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zm0 2.200a5.800 5.800 0 1 1 0 11.600 5.800 5.800 0 0 1 0-11.600z",
  loading: "M12 3a9 9 0 0 1 9 9h-2.400A6.600 6.600 0 0 0 12 5.400z",
  close: "M6.400 5 12 10.600 17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400L12 13.400 6.400 19 5 17.600 10.600 12 5 6.400z",
  film: "M4 4h16v16H4zm2 2v2h2V6zm0 4v4h2v-4zm0 6v2h2v-2zm10-10v2h2V6zm0 4v4h2v-4zm0 6v2h2v-2zM10 6v12h4V6z",
  back: "M6 5h2.500v14H6zM19 5.500v13L9.500 12z",
  on: "M5 5.500v13L14.500 12zM15.500 5H18v14h-2.500z",
  loop: "M7 7h9V4l5 4.500-5 4.500v-3H9.500v2.500H7zM17 17H8v3l-5-4.500L8 11v3h6.500v-2.500H17z",
  help: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm-1.100 14.700h2.200v2.200h-2.200zM12 5.100a3.900 3.900 0 0 0-3.900 3.900h2.200a1.700 1.700 0 1 1 2.600 1.450c-1.300.850-2 1.700-2 3.550h2.200c0-1 .350-1.250 1.100-1.750A3.900 3.900 0 0 0 12 5.100z",
  retry: "M12 5a7 7 0 0 1 6.300 4H15v2h7V4h-2v3.500A9 9 0 1 0 21 12h-2a7 7 0 1 1-7-7z",
};

/** @param {string} name */
function vvIcon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", class: `vv-icon vv-icon-${name}` }))
    svg.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", VV_ICONS[/** @type {keyof typeof VV_ICONS} */ (name)] ?? "");
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/**
 * A button with an icon, a label for those who do not see it, and a title for those who hover.
 * @param {string} icon @param {string} label @param {() => void} press @param {VineView} view
 */
function vvButton(icon, label, press, view) {
  const button = vvNode("button", { type: "button", class: "vv-button", "aria-label": label, title: label }, vvIcon(icon));
  button.addEventListener("click", view.guarded(press));
  return /** @type {HTMLButtonElement} */ (button);
}

/** Change a button's icon and label. @param {HTMLElement} button @param {string} icon @param {string} label */
function vvRelabel(button, icon, label) {
  if (button.getAttribute("aria-label") === label) return;
  vvSet(button, "aria-label", label);
  vvSet(button, "title", label);
  button.replaceChildren(vvIcon(icon));
}
