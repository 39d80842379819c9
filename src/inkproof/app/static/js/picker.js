// The list of models, with one or several chosen.

export function connectPicker(models) {
  const list = document.getElementById("models");
  const picked = document.getElementById("picked");
  const picker = document.getElementById("picker");

  models.addEventListener("change", () => {
    picked.textContent = models.selected.map((model) => model.name).join(", ");
    if (list.children.length === models.all.length) {
      for (const box of list.querySelectorAll("input")) box.checked = models.chosen.has(box.value);
      return;
    }
    list.replaceChildren(...models.all.map(item));
  });
  // A click elsewhere and Escape close the menu.
  document.addEventListener("pointerdown", (event) => {
    if (!picker.contains(event.target)) picker.open = false;
  });
  picker.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    picker.open = false;
    picker.querySelector("summary").focus();
    event.stopPropagation();
  });

  function item(model) {
    const row = document.createElement("li");
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = model.name;
    box.checked = models.chosen.has(model.name);
    box.addEventListener("change", () => models.choose(model.name, box.checked));
    const name = document.createElement("span");
    name.textContent = model.name;
    const size = document.createElement("small");
    size.textContent = `${model.kb.toLocaleString("en")} KB`;
    label.append(box, name, size);
    row.append(label);
    return row;
  }
}
