Object.assign(View.prototype, {
  // Contours, the grid and what else lies upon a surface; of one that is still to be drawn, only
  // what lies on the floor.
  upon(layer, stride, floorOnly) {
    const { shows, unit, texture } = this, { index, placed, about, mesh } = layer;
    const draw = (quads, style) => this.line(quads, style, placed, about.opacity), isGrid = texture.paint === "lines";
    const onFloor = shows.floor_contours, contours = (shows.contours || onFloor) && this.contours(layer, stride);
    const toward = texture.shows_height ? theme.floor_contour : [...theme.quiet_ink.slice(0, 3), 1];
    if (onFloor) draw(contours, { width: 1.3 * unit, tint: [1, 1, 1, texture.shows_height ? 0.8 : 0.5], bias: 0.0005, level: FLOOR, toward });
    if (floorOnly) return;
    const gridLines = () => gridOf(mesh, layer.values, this.paletteOf(layer), about.steps);
    if (isGrid || shows.wireframe) {
      const grid = this.lines(`grid ${index}`, this.look, gridLines);
      draw(grid, isGrid ? { width: 1.2 * unit, bias: 0.0012, toward: theme.floor_contour } : { width: 0.8 * unit, tint: theme.wire, bias: 0.0012 });
    }
    if (shows.contours && !isGrid) draw(contours, { width: 1.15 * unit, tint: theme.contour, bias: 0.0015 });
    const holes = once(() => holesOf(mesh, layer.surface, about)), { own_level: level } = this.about;
    const rims = this.lines(`rims ${index}`, themeName, () => holes().rims);
    const traces = this.lines(`traces ${index}`, themeName, () => holes().traces);
    const own = this.lines(`own ${index}`, themeName, () => level === null ? new Segments() : contoursOf(mesh, [level], [theme.level]));
    const row = this.lines(`row ${index}`, this.look, () => Math.min(mesh.rows, mesh.columns) > 1 ? new Segments() : gridLines());
    if (onFloor) for (const [quads, width] of [[traces, 1.3], [own, 1.8], [row, 1.3]])
      draw(quads, { width: width * unit, tint: [1, 1, 1, 0.85], bias: 0.0006, level: FLOOR });
    const casing = { tint: [1, 1, 1, 0.9], cap: 1, toward: [...theme.path_casing.slice(0, 3), 1] };
    draw(rims, { width: 1.8 * unit, bias: 0.002 });
    draw(own, { ...casing, width: 4.2 * unit, bias: 0.0018 });
    draw(own, { width: 2.4 * unit, cap: 1, bias: 0.0022 });
    draw(row, { width: 3.2 * unit, cap: 1, bias: 0.001 });
    if (shows.trajectory) about.outlines.forEach(({ kind, corners }, n) => {
      const quads = this.lines(`outline ${index} ${n}`, themeName, () => outlineOf(mesh, corners, theme[kind]));
      const width = kind === "ball" ? 2.4 : 1.4;
      draw(quads, { ...casing, width: (width + 1.8) * unit, bias: 0.0017 });
      draw(quads, { width: width * unit, cap: 1, bias: 0.0021 });
    });
  },
});
