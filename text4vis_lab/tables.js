if (!window.t4vTables) {
  window.t4vTables = true;
  const value = (row, i) => {
    const cell = row.cells[i];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
    : typeof a === "number" ? -1 : typeof b === "number" ? 1 : a.localeCompare(b, undefined, { numeric: true });
  document.addEventListener("click", event => {
    const head = event.target.closest?.(".t4v-table thead th");
    if (!head) return;
    const heads = [...head.parentElement.cells], body = head.closest("table").tBodies[0];
    const was = head.getAttribute("aria-sort");
    const down = was === "none" ? head.classList.contains("n") : was === "ascending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...[...body.rows].sort((a, b) => {
      const x = value(a, head.cellIndex), y = value(b, head.cellIndex);
      if (x === "" || y === "") return (x === "") - (y === "");
      return down ? compare(y, x) : compare(x, y);
    }));
  });
  document.addEventListener("input", event => {
    const box = event.target.closest?.(".t4v-table");
    if (!box) return;
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of box.querySelector("tbody").rows) {
      row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
    }
  });
}
