// Sorts the tables of the class "sortable": the title of each column becomes a button. Without this script the rows stay in
// the order of the file.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
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
      body.append(...[...body.rows].sort(compare));
    });
  });
}
