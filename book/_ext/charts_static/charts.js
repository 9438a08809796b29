/* Draws the live charts of a page in the place of their pictures, each when it comes near, in the colours of the theme.

Vega is loaded with the first of them. Without this script, and in print, the pictures stay. */
(() => {
  const vega = new URL("vega.js", document.currentScript.src).href;
  const root = document.documentElement;
  const drawn = new Map(); // figure -> its Vega view
  let loading;

  const load = () =>
    (loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      Object.assign(script, { src: vega, onload: resolve, onerror: reject });
      document.head.append(script);
    }));

  // The chart in the colours of the page: on its own ground, and in the dark with the colours that are meant for it.
  const coloured = (text, dark) => {
    const swaps = window.text4visSwaps;
    const spec = JSON.parse(dark ? text.replace(/#[0-9A-Fa-f]{6}\b/g, (hex) => swaps[hex.toUpperCase()] ?? hex) : text);
    spec.background = "transparent";
    delete spec.$schema; // the libraries here may be of a later version, which reads it as well
    return spec;
  };

  const draw = async (figure) => {
    await load();
    const theme = root.dataset.theme === "dark" ? "dark" : "light";
    const spec = coloured(figure.querySelector("script.chart-spec").textContent, theme === "dark");
    const options = { mode: "vega-lite", actions: false, renderer: "svg", logLevel: 1, tooltip: { theme } };
    const result = await window.vegaEmbed(figure.querySelector(".chart-live"), spec, options); // if it throws, the picture stays
    drawn.get(figure)?.finalize();
    drawn.set(figure, result);
    figure.classList.add("live");
    measured.observe(figure);
  };

  // A chart follows its column, which changes its width without the window, as when the contents are folded away.
  const widths = new WeakMap();
  const measured = new ResizeObserver((entries) => {
    const moved = entries.filter(({ target, contentRect: { width } }) => widths.get(target) !== width);
    for (const { target, contentRect } of moved) widths.set(target, contentRect.width);
    if (moved.length) window.dispatchEvent(new Event("resize")); // to which Vega listens
  });

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting) {
          near.unobserve(target);
          draw(target);
        }
      }
    },
    { rootMargin: "300px" },
  );
  for (const spec of document.querySelectorAll("script.chart-spec")) near.observe(spec.closest("figure"));
  new MutationObserver(() => drawn.forEach((_, figure) => draw(figure))).observe(root, { attributeFilter: ["data-theme"] });
})();
