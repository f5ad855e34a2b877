// What was measured at a grid point, line by line, as the window says it.
function measured(surface, [i, j]) {
  const [, B] = surface.shape, k = i * B + j, at = name => surface.fields[name] === undefined ? NaN : fieldOf(surface, name)[k];
  const delta = surface.signed ? "Δ " : "", named = delta + surface.quantity;
  if (surface.computed !== null && !arrays[surface.computed][k]) return [`${named} not computed`];
  const value = Number(arrays[surface.loss][k].toPrecision(surface.digits)), error = at("stderr"), accuracy = at("accuracy"), lines = [];
  const plus = value => surface.signed && value > 0 ? "+" : "";
  const spread = Number.isFinite(error) && error > 0 ? ` ± ${number(error, 2)}` : "";
  lines.push(`${named} ${plus(value)}${apart(value, reliefAround(surface, i, j), 4)}${spread}`);
  if (Number.isFinite(accuracy)) {
    const percent = Math.round(1000 * accuracy) / 10 + 0, sign = surface.signed && percent >= 0 ? "+" : "";
    lines.push(`${delta}accuracy ${sign}${percent.toFixed(1)} ${surface.signed ? "points" : "%"}`.replace("-", "−"));
  }
  if (Number.isFinite(at("spread"))) lines.push(`spread ${number(at("spread"))}`);
  for (const name of Object.keys(surface.fields).filter(name => name.startsWith("column "))) {
    const value = at(name), said = name.slice("column ".length).replaceAll("_", "-");
    if (said === "predicted" && Number.isFinite(value)) lines.push(`class ${surface.classes[value] ?? value}`);
    else if (Number.isFinite(value)) lines.push(`${said} ${number(value, 4)}`);
  }
  return lines;
}

// From the lowest to the highest loss of a grid point and its neighbours.
function reliefAround({ shape: [A, B], loss }, i, j) {
  let low = Infinity, high = -Infinity;
  for (let a = Math.max(i - 1, 0); a < Math.min(i + 2, A); a++) for (let b = Math.max(j - 1, 0); b < Math.min(j + 2, B); b++) {
    const value = arrays[loss][a * B + b];
    if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  return high >= low ? high - low : 0;
}

Object.assign(View.prototype, {
  // What is said of a hit.
  told({ layer: { about, surface }, cell }) {
    const place = ["α", "β"].map((name, a) => {
      const axis = arrays[a ? surface.beta : surface.alpha];
      return `${name} ${apart(axis[cell[a]], axis[axis.length - 1] - axis[0], 4)}`;
    });
    return [...(this.layers.length > 1 ? [about.name.slice(0, 80)] : []), place.join(", "), ...measured(surface, cell)].join("\n");
  },
});
