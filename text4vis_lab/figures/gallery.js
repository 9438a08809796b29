if (!window.t4vGallery) {
  window.t4vGallery = true;
  document.addEventListener("change", event => {
    const box = event.target.closest?.(".t4v-gallery");
    if (!box) return;
    const chosen = name => box.querySelector(`select[data-name="${name}"]`)?.value ?? "";
    const result = chosen("result"), named = chosen("class"), method = Number(chosen("method") || 0);
    let shown = 0;
    for (const tile of box.querySelectorAll("li")) {
      const right = tile.dataset.right[method] === "1";
      const fits = result === "" || (result === "apart" ? tile.dataset.apart === "1" : right === (result === "right"));
      tile.hidden = !fits || (named !== "" && tile.dataset.class !== named);
      shown += !tile.hidden;
    }
    box.querySelector("output").textContent = `${shown} shown`;
  });
}
