const css = c => `rgba(${c.slice(0, 3).map(v => Math.round(255 * v)).join()},${c[3] ?? 1})`;
const bytes = c => [0, 1, 2, 3].map(k => Math.round(255 * (c[k] ?? 1)));

// Dresses the page in the theme that was asked for or else that of the reader's system, and in light
// while it is printed; `then` is told the name, and whether all is to be drawn before it returns.
function dress(then) {
  const root = document.documentElement, asked = root.dataset.theme, dark = matchMedia("(prefers-color-scheme: dark)");
  const change = isPrint => {
    root.dataset.theme = isPrint ? "light" : asked || (dark.matches ? "dark" : "light");
    root.toggleAttribute("data-printing", isPrint);
    then(root.dataset.theme, isPrint);
  };
  dark.addEventListener("change", () => change(false));
  addEventListener("beforeprint", () => change(true));
  addEventListener("afterprint", () => change(false));
  change(false);
}
