class Device {
  constructor(canvas, stencil) {
    const gl = this.gl = canvas.getContext("webgl2", { stencil, antialias: true, alpha: true, premultipliedAlpha: true, preserveDrawingBuffer: true });
    this.programs = {};
    this.floats = gl.getExtension("EXT_color_buffer_float") !== null;
    this.empty = gl.createVertexArray();
  }
  // Compiled when it is first needed.
  program(name) {
    if (this.programs[name]) return this.programs[name];
    const gl = this.gl, id = gl.createProgram();
    for (const [kind, file] of [[gl.VERTEX_SHADER, content.programs[name] + ".vert"], [gl.FRAGMENT_SHADER, name + ".frag"]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, content.shaders[file]);
      gl.compileShader(shader);
      gl.attachShader(id, shader);
    }
    gl.linkProgram(id);
    if (!gl.getProgramParameter(id, gl.LINK_STATUS))
      throw new Error(name + ": " + gl.getProgramInfoLog(id) + gl.getAttachedShaders(id).map(s => gl.getShaderInfoLog(s)).join(""));
    const uniforms = {};
    for (let k = 0; k < gl.getProgramParameter(id, gl.ACTIVE_UNIFORMS); k++) {
      const { name: full, type } = gl.getActiveUniform(id, k);
      uniforms[full.slice(2)] = [gl.getUniformLocation(id, full), type];
    }
    return this.programs[name] = { id, uniforms };
  }
  use(name, values) {
    const gl = this.gl, { id, uniforms } = this.program(name);
    gl.useProgram(id);
    for (const key in values) {
      if (!uniforms[key]) continue;
      const [location, type] = uniforms[key], value = values[key];
      if (type === gl.FLOAT) gl.uniform1f(location, value);
      else if (type === gl.FLOAT_VEC2) gl.uniform2fv(location, value);
      else if (type === gl.FLOAT_VEC3) gl.uniform3fv(location, value.slice(0, 3));
      else if (type === gl.FLOAT_VEC4) gl.uniform4fv(location, value);
      else if (type === gl.FLOAT_MAT4) gl.uniformMatrix4fv(location, true, value);
      else gl.uniform1i(location, Number(value));
    }
  }
  buffer(data, kind = this.gl.ARRAY_BUFFER) {
    const gl = this.gl, id = gl.createBuffer();
    gl.bindVertexArray(null);
    gl.bindBuffer(kind, id);
    gl.bufferData(kind, data, gl.STATIC_DRAW);
    return id;
  }
  // `fields`: [location, components, type, normalized, offset]
  array(buffer, stride, fields, into = this.gl.createVertexArray()) {
    const gl = this.gl;
    gl.bindVertexArray(into);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    for (const [location, size, type, normalized, offset] of fields) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, type, normalized, stride, offset);
    }
    gl.bindVertexArray(null);
    return into;
  }
  // Quads, one for each record, which all four corners have: instances would be drawn one by one by
  // renderers in software.
  quads(records, stride, fields) {
    const given = new Uint8Array(records.buffer ?? records, records.byteOffset ?? 0, records.byteLength), count = given.length / stride;
    const corners = new Uint8Array(4 * given.length);
    for (let k = 0; k < count; k++) {
      const record = given.subarray(k * stride, (k + 1) * stride);
      for (let c = 0; c < 4; c++) corners.set(record, (4 * k + c) * stride);
    }
    const buffer = this.buffer(corners);
    return { count, buffer, array: this.array(buffer, stride, fields) };
  }
  // The indices of the triangles of so many quads.
  corners(count) {
    const { gl } = this;
    if (count > (this.room ?? 0)) {
      this.room = Math.max(1024, 2 ** Math.ceil(Math.log2(count)));
      const indices = new Uint32Array(6 * this.room);
      for (let k = 0; k < this.room; k++) for (const [n, c] of [0, 1, 2, 2, 1, 3].entries()) indices[6 * k + n] = 4 * k + c;
      gl.deleteBuffer(this.indices);
      this.indices = this.buffer(indices, gl.ELEMENT_ARRAY_BUFFER);
    }
    return this.indices;
  }
  lines(segments) {
    const f = this.gl.FLOAT;
    return this.quads(segments.records(), 28, [[0, 3, f, false, 0], [1, 3, f, false, 12], [2, 4, this.gl.UNSIGNED_BYTE, true, 24]]);
  }
  marks(list) {
    const f = this.gl.FLOAT;
    return this.quads(marksOf(list), 24, [[0, 3, f, false, 0], [1, 2, f, false, 12], [2, 4, this.gl.UNSIGNED_BYTE, true, 20]]);
  }
  free(quads) {
    if (!quads) return;
    this.gl.deleteBuffer(quads.buffer);
    this.gl.deleteVertexArray(quads.array);
  }
  // A triangle over all pixels.
  everywhere() {
    this.gl.bindVertexArray(this.empty);
    this.gl.drawArrays(this.gl.TRIANGLES, 0, 3);
  }
  draw(quads) {
    const { gl } = this, indices = this.corners(quads.count);
    gl.bindVertexArray(quads.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, indices);
    gl.drawElements(gl.TRIANGLES, 6 * quads.count, gl.UNSIGNED_INT, 0);
  }
  texture(width, height, inner, format, type, data, filter) {
    const gl = this.gl, id = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, id);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, format, type, data);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    return id;
  }
}

function marksOf(list) {
  const buffer = new ArrayBuffer(24 * list.length), floats = new Float32Array(buffer), all = new Uint8Array(buffer);
  list.forEach(({ at, radius, shape, color }, k) => {
    floats.set([...at, radius, shape], 6 * k);
    all.set(bytes(color), 24 * k + 20);
  });
  return buffer;
}
