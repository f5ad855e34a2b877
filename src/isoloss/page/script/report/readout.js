const readout = $("readout");

// Says what is known beside a place of the window: a heading, (name, value), and sentences below.
function say([heading, facts, about], x, y) {
  readout.replaceChildren();
  added(readout, "strong", { textContent: heading });
  const list = added(readout, "dl");
  for (const [name, value] of facts) {
    added(list, "dt", { textContent: name });
    added(list, "dd", { textContent: value });
  }
  for (const text of about) added(readout, "p", { textContent: text });
  readout.hidden = false;
  const box = readout.getBoundingClientRect(), gap = 14;
  const left = x + gap + box.width > innerWidth ? x - gap - box.width : x + gap;
  const top = y + gap + box.height > innerHeight ? y - gap - box.height : y + gap;
  readout.style.left = `${clamp(left, 4, Math.max(innerWidth - box.width - 4, 4))}px`;
  readout.style.top = `${clamp(top, 4, Math.max(innerHeight - box.height - 4, 4))}px`;
}

function hush(chart) {
  readout.hidden = true;
  for (const sign of chart.querySelectorAll(".ring, .across")) sign.setAttribute("hidden", "");
  for (const line of chart.querySelectorAll(".unlit")) line.classList.remove("unlit");
}

// What a point says, with a ring around it; the other curves step back.
function show(chart, point) {
  hush(chart);
  const ring = chart.querySelector(".ring"), box = chart.getBoundingClientRect();
  const scale = box.width / chart.viewBox.baseVal.width;
  ring.setAttribute("cx", point.x);
  ring.setAttribute("cy", point.y);
  ring.removeAttribute("hidden");
  for (const line of chart.querySelectorAll(".series")) line.classList.toggle("unlit", line !== point.line && chart.contains(point.line));
  say(JSON.parse(point.element.dataset.facts), box.left + point.x * scale, box.top + point.y * scale);
}

// Where nothing is pointed at: what the keys have reached, if anything.
function rest(chart, points) {
  const reached = points.find(point => point.element === document.activeElement);
  if (reached) show(chart, reached); else hush(chart);
}

// Between points: how much of each line is certified as far out as the cursor.
function showAcross(chart, lines, radius, place, event) {
  hush(chart);
  const [, top, , bottom] = chart.dataset.frame.split(" ").map(Number), across = chart.querySelector(".across");
  for (const [name, value] of [["x1", place.x], ["x2", place.x], ["y1", top], ["y2", bottom]]) across.setAttribute(name, value);
  across.removeAttribute("hidden");
  const facts = lines.map(([name, steps]) => [name, `${(100 * certifiedWithin(steps, radius)).toFixed(1)} %`]);
  say([`Certified within ${radius.toFixed(2)}`, facts, []], event.clientX, event.clientY);
}
