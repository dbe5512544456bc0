// Sorts the list of devices and filters devices and findings. The page says everything without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  for (const bar of all("[data-rows]")) {
    const rows = all(bar.dataset.rows);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const followers = new Map();
    for (const item of bar.dataset.follow ? all(bar.dataset.follow) : []) {
      const id = item.dataset.device;
      followers.set(id, [...(followers.get(id) ?? []), item]);
    }
    const [input, select, output] = ["input", "select", "output"].map((name) => bar.querySelector(name));
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        const fits = (!select.value || row.dataset.state === select.value)
          && words.every((word) => texts[index].includes(word));
        row.hidden = !fits;
        shown += fits ? 1 : 0;
        for (const item of followers.get(row.dataset.id) ?? []) item.hidden = !fits;
      });
      output.textContent = shown === rows.length ? `${shown} shown` : `${shown} of ${rows.length} shown`;
    };
    input.addEventListener("input", apply);
    select.addEventListener("input", apply);
    bar.hidden = false;
    apply();
  }

  for (const button of all("[data-open]")) {
    const items = all(button.dataset.open);
    button.addEventListener("click", () => {
      const open = items.some((item) => !item.open);
      for (const item of items) item.open = open;
      button.textContent = open ? "Close all" : "Open all";
    });
  }

  for (const table of all("table.sortable")) {
    const body = table.tBodies[0];
    const heads = all("thead th", table);
    const key = (row, column) => {
      const cell = row.cells[column];
      return "key" in cell.dataset ? Number(cell.dataset.key) : cell.textContent.trim().toLowerCase();
    };
    const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort((a, b) => compare(key(a, column), key(b, column)) * (down ? -1 : 1));
        body.append(...rows);
      });
    });
  }

  // A link to something inside a closed part opens it; paper cannot open anything.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.querySelector("details")?.setAttribute("open", "");
  };
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => {
    for (const item of all(".way, #finding-list details")) item.open = true;
  });
})();
