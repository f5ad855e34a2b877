// Which walls are near, and x and y of the floor's edges that have the labels.
function sidesOf(c) {
  const a = c.azimuth * Math.PI / 180, across = Math.sin(a), along = Math.cos(a), sign = v => v < 0 || Object.is(v, -0) ? -1 : 1;
  const x = across > 1e-6 ? 1 : -1, y = along > -1e-6 ? -1 : 1, below = c.elevation < -1e-6;
  let [nx, ny] = below ? [-x, -y] : [x, y];
  if (!fromAbove(c)) {
    if (Math.abs(across) < 0.26) nx = sign(along);
    if (Math.abs(along) < 0.26) ny = sign(across);
  }
  return [x, y, nx, ny];
}

Object.assign(View.prototype, {
  walls() {
    const gl = this.device.gl, [fx, fy] = [-this.sides[0], -this.sides[1]], top = this.about.top;
    this.boards ??= this.device.gl.createBuffer();
    const quads = [
      [[-1, -1, FLOOR], [1, -1, FLOOR], [1, 1, FLOOR], [-1, 1, FLOOR]],
      [[fx, -1, FLOOR], [fx, 1, FLOOR], [fx, 1, top], [fx, -1, top]],
      [[-1, fy, FLOOR], [1, fy, FLOOR], [1, fy, top], [-1, fy, top]],
    ];
    const buffer = new ArrayBuffer(16 * 18), floats = new Float32Array(buffer), all = new Uint8Array(buffer);
    quads.flatMap(q => [0, 1, 2, 0, 2, 3].map(k => q[k])).forEach((corner, k) => { floats.set(corner, 4 * k); all.set(bytes(theme.wall), 16 * k + 12); });
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.boards);
    gl.bufferData(gl.ARRAY_BUFFER, buffer, gl.DYNAMIC_DRAW);
    this.boardArray ??= this.device.array(this.boards, 16, [[0, 3, gl.FLOAT, false, 0], [1, 4, gl.UNSIGNED_BYTE, true, 12]]);
    this.device.use("fill", { matrix: this.matrix });
    gl.bindVertexArray(this.boardArray);
    gl.drawArrays(gl.TRIANGLES, 0, 18);
  },

  heightEdge() {
    const edges = [[-1, -1], [-1, 1], [1, -1], [1, 1]], at = edges.map(e => this.pixels([...e, (FLOOR + this.about.top) / 2])[0]);
    return edges[at.indexOf(Math.min(...at))];
  },

  boxLines() {
    const found = new Segments(), [x, y, nx, ny] = this.sides, [fx, fy] = [-x, -y], { ticks, top } = this.about, add = (a, b, c) => found.add(a, b, c);
    for (const [v] of ticks.x) { add([v, -1, FLOOR], [v, 1, FLOOR], theme.grid); add([v, fy, FLOOR], [v, fy, top], theme.grid); }
    for (const [v] of ticks.y) { add([-1, v, FLOOR], [1, v, FLOOR], theme.grid); add([fx, v, FLOOR], [fx, v, top], theme.grid); }
    for (const [v] of ticks.z) { add([fx, -1, v], [fx, 1, v], theme.grid); add([-1, fy, v], [1, fy, v], theme.grid); }
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]], uprights = new Set([[fx, fy], [fx, -fy], [-fx, fy], this.heightEdge()].map(String));
    corners.forEach((c, k) => add([...c, FLOOR], [...corners[(k + 1) % 4], FLOOR], theme.box));
    for (const c of corners) if (uprights.has(String(c))) add([...c, FLOOR], [...c, top], theme.box);
    add([fx, -1, top], [fx, 1, top], theme.box);
    add([-1, fy, top], [1, fy, top], theme.box);
    for (const [v] of ticks.x) add([v, ny, FLOOR], [v, ny * 1.035, FLOOR], theme.box);
    for (const [v] of ticks.y) add([nx, v, FLOOR], [nx * 1.035, v, FLOOR], theme.box);
    return found;
  },
});
