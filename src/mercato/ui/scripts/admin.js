// Admin behavior on top of pages that work without it; app.js is loaded beside it.
const on = (type, handler) => document.addEventListener(type, handler);

// Ctrl/Cmd K puts the focus into the search field; ? shows the keys; J and K move along rows, X selects.
const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
const move = (by) => {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  all[Math.max(0, Math.min(all.length - 1, at + by))]?.querySelector("a, input, button")?.focus();
};
on("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    const field = document.querySelector("[data-search]");
    if (field) {
      event.preventDefault();
      field.focus();
      field.select?.();
    }
    return;
  }
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
  if (event.key === "x") document.activeElement.closest("tr")?.querySelector("input[type=checkbox]")?.click();
});

// Select all, and the bar that counts what is selected.
const count = (form) => {
  const boxes = [...form.querySelectorAll("[data-select]")];
  const chosen = boxes.filter((box) => box.checked).length;
  const all = form.querySelector("[data-select-all]");
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  const bar = form.querySelector("[data-bulk]");
  if (bar) bar.hidden = chosen === 0;
  const label = form.querySelector("[data-chosen]");
  if (label) label.textContent = chosen;
};
on("change", (event) => {
  const form = event.target.closest("form");
  if (event.target.matches("[data-select-all]")) {
    for (const box of form.querySelectorAll("[data-select]")) box.checked = event.target.checked;
  }
  if (event.target.matches("[data-select-all], [data-select]")) count(form);
});

// A form that was changed shows its save bar and warns before the page is left.
let dirty = false;
on("input", (event) => {
  const form = event.target.closest("form[data-guard]");
  if (!form) return;
  dirty = true;
  form.querySelector("[data-dirty]")?.removeAttribute("hidden");
});
on("submit", () => { dirty = false; });
addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
