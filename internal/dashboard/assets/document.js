// Documents: text and its place on the page point at each other, arrows turn the
// page, and a whole document can be copied. Without it links do the same.
"use strict";
(() => {
  const { say, copy } = window.mivaa;

  // partner of a box is a block of text, and the reverse.
  function partner(el) {
    const one = el.closest("[data-for], [data-box]");
    return one && [one, document.getElementById(one.dataset.for || one.dataset.box)];
  }
  let lit = [];
  function light(event) {
    const both = partner(event.target);
    lit.forEach((el) => el && el.classList.remove("lit"));
    lit = both || [];
    lit.forEach((el) => el && el.classList.add("lit"));
  }
  const reader = document.querySelector(".reader");
  if (reader) {
    reader.addEventListener("mouseover", light);
    reader.addEventListener("focusin", light);
    reader.addEventListener("mouseleave", light);
  }

  // Whoever follows a box to its text, or a text to its box, need not hunt.
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".reader a[href^='#']");
    if (!link) return;
    const to = document.getElementById(link.getAttribute("href").slice(1));
    if (!to) return;
    event.preventDefault();
    history.replaceState(null, "", link.getAttribute("href"));
    to.scrollIntoView({ block: "nearest" });
    if (to.matches("a")) to.focus({ preventScroll: true });
    light({ target: to });
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.target.closest("input, textarea, select, pre, dialog")) return;
    const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    const link = rel && document.querySelector(`.turn a[rel=${rel}]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy-address]");
    if (!button) return;
    let done = false;
    try {
      const answer = await fetch(button.dataset.copyAddress);
      done = answer.ok && await copy(await answer.text());
    } catch { /* said below */ }
    say(done ? "Copied" : "Copying was not possible: download it");
    button.dataset.done = done ? "yes" : "no";
    setTimeout(() => delete button.dataset.done, 1200);
  });
})();
