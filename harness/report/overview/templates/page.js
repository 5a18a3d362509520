// Adds what needs touch: values under the pointer, sorting and filtering. Everything can be read without it.
"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const tips = figure.querySelectorAll(".tip");
  if (!tips.length) continue;
  const told = document.createElement("output");
  figure.append(told);
  for (const tip of tips) {
    tip.addEventListener("pointerenter", () => { told.textContent = tip.querySelector("title").textContent; tip.classList.add("on"); });
    tip.addEventListener("pointerleave", () => tip.classList.remove("on"));
  }
}
for (const table of document.querySelectorAll("table.sorted")) {
  const body = table.tBodies[0];
  const value = (row, column) => { const cell = row.cells[column]; return cell.dataset.value ?? cell.textContent.trim(); };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      const numeric = rows.every(([text]) => text === "" || !Number.isNaN(Number(text)));
      rows.sort(([one], [other]) => {
        if (one === "" || other === "") return (one === "") - (other === "");
        const order = numeric ? Number(one) - Number(other) : one < other ? -1 : one > other ? 1 : 0;
        return down ? -order : order;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
  const tools = document.getElementById(table.dataset.tools);
  const field = tools.querySelector("input");
  const told = tools.querySelector("output");
  tools.hidden = false;
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    told.textContent = `${shown} of ${body.rows.length} records`;
  });
}
