"use strict";
{
  const choices = document.querySelector(".choices");
  const list = document.querySelector(".answers");
  const rows = [...list.children];
  const [order, ...filters] = choices.querySelectorAll("select");
  const arrange = () => {
    rows.sort((a, b) => a.dataset[order.value] - b.dataset[order.value]);
    for (const row of rows) {
      row.hidden = filters.some((filter) => filter.value && filter.value !== row.dataset[filter.name]);
    }
    list.append(...rows);
    const shown = rows.filter((row) => !row.hidden).length;
    choices.querySelector("output").textContent = `${shown} of ${rows.length} shown`;
  };
  choices.addEventListener("change", arrange);
  choices.hidden = false;
  arrange();
}
