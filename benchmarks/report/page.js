// A click on a heading sorts the rows by that column: numbers largest first, words from A to Z,
// what has no value last.
for (const button of document.querySelectorAll(".sortable thead button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const body = heading.closest("table").tBodies[0];
    const column = heading.cellIndex;
    const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    const missing = (row) => ["", "–"].includes(key(row));
    const known = [...body.rows].filter((row) => !missing(row));
    const numeric = known.every((row) => !isNaN(key(row)));
    const before = heading.getAttribute("aria-sort");
    const ascending = before ? before === "descending" : !numeric;
    known.sort((a, b) => (numeric ? key(a) - key(b) : key(a).localeCompare(key(b), undefined, { numeric: true })) * (ascending ? 1 : -1));
    const rest = [...body.rows].filter(missing);
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    body.append(...known, ...rest);
  });
}

// Of every pair of trackers: two lists to choose from, and a click on a figure, say it in words.
for (const table of document.querySelectorAll(".pairs")) {
  const said = document.querySelector(".said");
  const names = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
  const lists = [1, 0].map((chosen) => {
    const list = document.createElement("select");
    names.forEach((name, place) => list.add(new Option(name, place, false, place === chosen)));
    return list;
  });
  const say = () => {
    const [row, column] = lists.map((list) => Number(list.value));
    const cell = table.tBodies[0].rows[row].cells[column + 1];
    for (const other of table.querySelectorAll(".chosen")) other.classList.remove("chosen");
    cell.classList.add("chosen");
    said.textContent = cell.title || "Choose two different trackers.";
  };
  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (!cell?.title) return;
    lists[0].value = cell.parentNode.rowIndex - 1;
    lists[1].value = cell.cellIndex - 1;
    say();
  });
  const chooser = document.querySelector(".chooser");
  chooser.append(lists[0], " beside ", lists[1]);
  chooser.hidden = false;
  lists.forEach((list) => list.addEventListener("change", say));
  say();
}

// A legend's entry under the pointer, or touched, sets its line apart in every plot.
for (const entry of document.querySelectorAll(".legend li[data-line]")) {
  const mark = (on) => {
    document.body.classList.toggle("marking", on);
    for (const line of document.querySelectorAll(`[data-line="${entry.dataset.line}"]`)) line.classList.toggle("marked", on);
  };
  entry.addEventListener("pointerenter", () => mark(true));
  entry.addEventListener("pointerleave", () => mark(false));
}
