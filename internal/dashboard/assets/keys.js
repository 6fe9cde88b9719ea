// Keys for those who do not like to reach for the mouse.
"use strict";
(() => {
  const help = document.getElementById("keys");
  const open = document.getElementById("keys-open");
  open.hidden = false;
  open.addEventListener("click", () => help.showModal());

  const places = { j: "/", r: "/review", d: "/documents", i: "/instances", f: "/figures" };
  let going = 0;

  function writing(target) {
    return target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  }

  // Rows are marked with data-row; the one we are at with data-at.
  function step(by) {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.hasAttribute("data-at"));
    const to = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    rows.forEach((row) => row.removeAttribute("data-at"));
    to.setAttribute("data-at", "");
    const link = to.querySelector("a");
    if (link) link.focus({ preventScroll: true });
    to.scrollIntoView({ block: "nearest" });
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return false;
    if (writing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return false;
    }
    if (Date.now() - going < 1500 && places[event.key]) {
      location.href = places[event.key];
      return true;
    }
    going = 0;
    switch (event.key) {
      case "g": going = Date.now(); return true;
      case "j": step(1); return true;
      case "k": step(-1); return true;
      case "?": help.showModal(); return true;
      case "/": {
        const search = document.querySelector("[data-search]");
        if (search) {
          search.focus();
          search.select();
        } else location.href = "/#search";
        return true;
      }
      case "x": {
        const box = document.querySelector("[data-row][data-at] input[type=checkbox]");
        if (box) box.click();
        return Boolean(box);
      }
    }
    return false;
  }
  document.addEventListener("keydown", (event) => { if (key(event)) event.preventDefault(); });
})();
