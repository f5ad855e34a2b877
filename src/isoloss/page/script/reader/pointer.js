const TAP = 6;

Object.assign(Reader.prototype, {
  // Mouse, pen and fingers on a view.
  point(view) {
    const { canvas } = view, framed = self !== top;
    const ratio = () => view.size[0] / canvas.getBoundingClientRect().width;
    const at = event => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) * ratio(), (event.clientY - box.top) * ratio()];
    };
    const quiet = () => { $("readout").hidden = true; };
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      this.pressed.set(event.pointerId, event);
      this.began = event;
      this.active = view;
      quiet();
    });
    canvas.addEventListener("pointermove", event => {
      const before = this.pressed.get(event.pointerId);
      if (!before) { if (event.pointerType !== "touch") this.read(view, event, at(event)); return; }
      this.pressed.set(event.pointerId, event);
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY].map(v => v * ratio());
      const other = [...this.pressed.values()].find(each => each.pointerId !== event.pointerId);
      if (other) {
        const far = each => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY);
        const [a, b] = [at(event), at(other)], middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
        this.steer(view, c => zoom(pan(c, dx / 2, dy / 2, view.size), far(event) / Math.max(far(before), 1), middle, view.size));
      } else if (event.buttons === 1 && !event.shiftKey) this.steer(view, c => orbit(c, dx / ratio(), dy / ratio()));
      else this.steer(view, c => pan(c, dx, dy, view.size));
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, event => {
      const tapped = name === "pointerup" && this.pressed.size === 1 && this.began.pointerId === event.pointerId;
      this.pressed.delete(event.pointerId);
      if (tapped && Math.hypot(event.clientX - this.began.clientX, event.clientY - this.began.clientY) < TAP) this.read(view, event, at(event));
    });
    canvas.addEventListener("pointerleave", event => { if (event.pointerType !== "touch") quiet(); });
    canvas.addEventListener("contextmenu", event => event.preventDefault());
    canvas.addEventListener("wheel", event => {
      // Within another page one scrolls past it, until it has been clicked into.
      if (framed && !event.ctrlKey && !document.hasFocus()) return;
      event.preventDefault();
      const notch = event.deltaMode === 1 ? 3 : event.deltaMode === 2 ? 1 : event.ctrlKey ? 10 : 100;
      this.steer(view, c => zoom(c, CLOSER ** clamp(-event.deltaY / notch, -5, 5), at(event), view.size));
    }, { passive: false });
    canvas.addEventListener("dblclick", event => {
      const hit = view.pick(...at(event));
      if (hit) this.steer(view, c => ({ ...c, target: hit.position }));
    });
  },

  // What was measured under the pointer, beside it.
  read(view, event, place) {
    const readout = $("readout"), hit = view.pick(...place), box = $("stage").getBoundingClientRect();
    readout.hidden = !hit;
    if (!hit) return;
    readout.textContent = view.told(hit);
    const [x, y] = [event.clientX - box.left, event.clientY - box.top], { offsetWidth: width, offsetHeight: height } = readout;
    readout.style.left = `${clamp(x + 16 + width > box.width ? x - 12 - width : x + 16, 4, Math.max(box.width - width - 4, 4))}px`;
    readout.style.top = `${clamp(y + 14, 0, Math.max(box.height - height - 4, 0))}px`;
  },
});
