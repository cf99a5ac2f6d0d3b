// A click on a heading sorts the rows by that column: numbers largest first, words from A to Z.
for (const button of document.querySelectorAll(".sortable thead button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const body = heading.closest("table").tBodies[0];
    const column = heading.cellIndex;
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    const rows = [...body.rows];
    const numeric = rows.every((row) => key(row) !== "" && !isNaN(key(row)));
    const before = heading.getAttribute("aria-sort");
    const ascending = before ? before === "descending" : !numeric;
    rows.sort((a, b) => (numeric ? key(a) - key(b) : key(a).localeCompare(key(b), undefined, { numeric: true })) * (ascending ? 1 : -1));
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    body.append(...rows);
  });
}
