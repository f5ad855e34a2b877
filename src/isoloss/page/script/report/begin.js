const REACH = 18; // pixels of the screen

function readByPointer(chart, points) {
  const lines = [...chart.querySelectorAll("[data-steps]")].map(line =>
    [line.getAttribute("aria-label"), line.dataset.steps.split(" ").map(pair => pair.split(",").map(Number))]);
  const [left, top, right, bottom] = chart.dataset.frame.split(" ").map(Number);
  const ends = (chart.dataset.radii ?? "").split(" ").map(Number);
  const read = event => {
    const place = placeIn(chart, event), point = nearest(points, place.x, place.y, REACH * place.scale);
    const radius = ends[0] + (ends[1] - ends[0]) * (place.x - left) / (right - left);
    const isInside = place.x <= right && place.y >= top && place.y <= bottom;
    if (point) show(chart, point);
    else if (lines.length && isInside && radius >= 0) showAcross(chart, lines, radius, place, event);
    else rest(chart, points);
  };
  let at = "";
  chart.addEventListener("pointermove", event => {
    const now = `${event.screenX} ${event.screenY}`;
    if (now !== at) read(event); // it was moved, not what lies below it
    at = now;
  });
  chart.addEventListener("pointerdown", read);
  chart.addEventListener("pointerleave", event => { if (event.pointerType !== "touch") rest(chart, points); });
}

for (const chart of document.querySelectorAll("svg.chart")) {
  const points = pointsOf(chart), title = chart.querySelector("title");
  // Browsers would show it over whatever is pointed at.
  chart.setAttribute("aria-label", title.textContent);
  chart.removeAttribute("aria-labelledby");
  title.remove();
  readByPointer(chart, points);
  readByKeys(chart, points);
}

for (const box of document.querySelectorAll("input.published")) {
  const change = () => { for (const line of document.querySelectorAll(".reference")) line.toggleAttribute("hidden", !box.checked); };
  box.addEventListener("change", change);
  change();
}

// Paper shows what is folded, but for tables of what is drawn above them and further images.
const folded = new Set();
addEventListener("beforeprint", () => {
  for (const chart of document.querySelectorAll("svg.chart")) hush(chart);
  for (const fold of document.querySelectorAll("details:not([open])"))
    if (!fold.closest(".images, .plots")) { folded.add(fold); fold.open = true; }
});
addEventListener("afterprint", () => { for (const fold of folded) fold.open = false; folded.clear(); });
document.documentElement.dataset.ready = "true";
