function holesOf(mesh, surface, layer) {
  const [A, B] = surface.shape, loss = arrays[surface.loss], computed = surface.computed === null ? null : arrays[surface.computed];
  const rims = new Segments(), traces = new Segments(), { rows, columns, height, x, y } = mesh, [sa, sb] = layer.steps;
  if (loss.every(Number.isFinite)) return { rims, traces };
  const kind = (i, j) => computed && !computed[i * B + j] ? 0 : Number.isNaN(loss[i * B + j]) ? 1 : Number.isFinite(loss[i * B + j]) ? 0 : 2;
  const cell = (i, j) => {
    if (i < 0 || j < 0 || i >= rows - 1 || j >= columns - 1) return 0;
    const a = Math.floor(i / sa), b = Math.floor(j / sb);
    return Math.max(kind(a, b), kind(a + 1, b), kind(a, b + 1), kind(a + 1, b + 1));
  };
  const edge = (i, j, i1, j1, one, other) => {
    if (one === other) return;
    const color = Math.max(one, other) === 2 ? theme.clamped : theme.quiet_ink;
    const [h, h1] = [height[i * columns + j], height[i1 * columns + j1]];
    if (Number.isFinite(h + h1)) rims.add([x[i], y[j], h], [x[i1], y[j1], h1], color);
    traces.add([x[i], y[j], 0], [x[i1], y[j1], 0], color);
  };
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) {
    if (i < rows - 1) edge(i, j, i + 1, j, cell(i, j - 1), cell(i, j));
    if (j < columns - 1) edge(i, j, i, j + 1, cell(i - 1, j), cell(i, j));
  }
  return { rims, traces };
}

function outlineOf(mesh, corners, color) {
  const found = new Segments(), span = axis => [axis[0], axis[axis.length - 1] - axis[0] || 1];
  const [a, aw] = span(mesh.alpha), [b, bw] = span(mesh.beta);
  const places = corners.map(([p, q]) => [2 * (p - a) / aw - 1, 2 * (q - b) / bw - 1]), points = [];
  places.forEach((here, k) => {
    const there = places[(k + 1) % places.length];
    const pieces = Math.floor(clamp(Math.max(Math.abs(there[0] - here[0]), Math.abs(there[1] - here[1])) / 0.01, 1, 2000));
    for (let s = 0; s < pieces; s++) {
      const p = [0, 1].map(c => here[c] + s / pieces * (there[c] - here[c]));
      points.push([...p, heightAt(mesh, ...p)]);
    }
  });
  points.forEach((p, k) => {
    const q = points[(k + 1) % points.length];
    if (Number.isFinite(p[2] + q[2])) found.add(p, q, color);
  });
  return found;
}
