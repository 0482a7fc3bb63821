// Shop behavior on top of pages that work without it. Delegated listeners only, nothing global.
const root = document.documentElement;
const on = (type, handler) => document.addEventListener(type, handler);
const closest = (event, selector) => event.target.closest?.(selector);

// Drawers and dialogs: <a href="/cart" data-open="cart-drawer"> opens the dialog instead of the page.
on("click", (event) => {
  const opener = closest(event, "[data-open]");
  const dialog = opener && document.getElementById(opener.dataset.open);
  if (dialog?.showModal && !event.metaKey && !event.ctrlKey) {
    event.preventDefault();
    if (!dialog.open) dialog.showModal();
  }
  if (closest(event, "[data-close]") || event.target.matches?.("dialog[open]")) event.target.closest("dialog")?.close();
});

// Number steppers: [-] and [+] around an input.
on("click", (event) => {
  const button = closest(event, "[data-step]");
  if (!button || button.type === "submit") return;
  const input = button.parentElement.querySelector("input");
  const next = Math.max(+input.min || 0, Math.min(+input.max || 999, +input.value + +button.dataset.step));
  if (next === +input.value) return;
  input.value = next;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

// Thumbnails scroll the gallery and mark themselves; the gallery marks them when it is swiped.
const mark = (slide) => {
  for (const thumb of document.querySelectorAll("[data-thumb]")) thumb.setAttribute("aria-current", thumb.dataset.thumb === slide.id);
};
on("click", (event) => {
  const thumb = closest(event, "[data-thumb]");
  const slide = thumb && document.getElementById(thumb.dataset.thumb);
  if (!slide) return;
  event.preventDefault();
  slide.parentElement.scrollTo({ left: slide.offsetLeft - slide.parentElement.offsetLeft, behavior: "smooth" });
  mark(slide);
});
document.addEventListener("scrollend", (event) => {
  const track = event.target;
  if (!track.matches?.(".gallery-main")) return;
  mark(track.children[Math.round(Math.abs(track.scrollLeft) / track.clientWidth)] ?? track.children[0]);
}, true);

// Theme: the form posts and reloads without script; with it the attribute and the same cookie change at once.
on("submit", (event) => {
  if (!event.target.matches("[data-theme-form]")) return;
  event.preventDefault();
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;SameSite=Lax`;
});

// Search suggestions: arrow keys move, Enter goes, Escape closes. Options are links, so they also just work.
on("keydown", (event) => {
  const box = closest(event, "[role=combobox]");
  const list = box && document.getElementById(box.getAttribute("aria-controls"));
  if (!list) return;
  const options = [...list.querySelectorAll("[role=option]")];
  const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "Escape" && options.length) {
    event.preventDefault();
    list.replaceChildren();
  } else if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    options[at].click();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && options.length) {
    event.preventDefault();
    const next = options[(at + (event.key === "ArrowDown" ? 1 : options.length + (at < 0 ? 0 : -1))) % options.length];
    for (const option of options) option.setAttribute("aria-selected", option === next);
    box.setAttribute("aria-activedescendant", next.id);
    if (next.dataset.query) box.value = next.dataset.query;
  }
  box.setAttribute("aria-expanded", list.childElementCount > 0);
});
on("focusout", (event) => {
  const form = closest(event, "[role=search]");
  if (form && !form.contains(event.relatedTarget)) form.querySelector("[role=listbox]")?.replaceChildren();
});

// After htmx has swapped: open what asks for it, announce toasts, put the focus where the server says.
on("htmx:after:swap", () => {
  const box = document.querySelector("[role=combobox]");
  if (box) box.setAttribute("aria-expanded", document.getElementById(box.getAttribute("aria-controls"))?.childElementCount > 0);
  const fresh = document.querySelector("dialog:not([open]) [data-fresh]");
  fresh?.closest("dialog").showModal();
  for (const element of document.querySelectorAll("[data-fresh]")) element.removeAttribute("data-fresh");
  document.querySelector("[data-focus]")?.focus();
  for (const toast of document.querySelectorAll(".toast:not([data-timed]):not(.toast-stays)")) {
    toast.dataset.timed = "";
    const leave = () => setTimeout(() => (toast.matches(":hover,:focus-within") ? leave() : toast.remove()), 6000);
    leave();
  }
});
on("htmx:error", (event) => {
  const note = document.getElementById("offline-note");
  if (note && !event.detail.ctx?.response) note.hidden = false;
});
