// Sorts the tables of the class "sortable": the title of each column becomes a button. Rows of equal value keep the order of
// the file, whatever was sorted before. Without this script all rows do.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(head.firstChild);
    head.prepend(button);
    // A cell's number stands first, its interval after it; a name has no number.
    const number = (row) => parseFloat((row.cells[column].firstChild?.textContent ?? "").replaceAll(",", ""));
    const text = (row) => (row.cells[column].querySelector("a") ?? row.cells[column]).textContent;
    button.addEventListener("click", () => {
      const other = { ascending: "descending", descending: "ascending" };
      const order = other[head.getAttribute("aria-sort")] ?? head.dataset.first ?? "descending";
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const compare = (a, b) => {
        const [x, y] = [number(a), number(b)];
        if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1; // Missing values come last in both orders.
        return sign * (isNaN(x) ? text(a).localeCompare(text(b)) : x - y);
      };
      body.append(...[...rows].sort(compare));
    });
  });
}
