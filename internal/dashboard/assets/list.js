// The list of jobs: how many are selected, and all of them at once.
"use strict";
(() => {
  const form = document.getElementById("bulk");
  const chosen = document.getElementById("chosen");
  const boxes = () => [...document.querySelectorAll("#list input[name=id]")];

  function count() {
    if (!form) return;
    const n = boxes().filter((box) => box.checked).length;
    const all = form.querySelector("input[name=all]").checked;
    chosen.textContent = n === 0 ? "Nothing selected" : n === 1 ? "1 selected" : `${n} selected`;
    for (const button of form.querySelectorAll("button")) button.disabled = n === 0 && !all;
    const every = document.getElementById("every");
    if (every) {
      every.checked = n > 0 && n === boxes().length;
      every.indeterminate = n > 0 && !every.checked;
    }
  }

  // Without scripts it would do nothing, so that it is hidden.
  function head() {
    const every = document.getElementById("every");
    if (every && form) every.hidden = false;
  }

  let last = null;
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.type !== "checkbox") return;
    if (box.id === "every") {
      for (const one of boxes()) one.checked = box.checked;
    } else if (box.name === "id") {
      const all = boxes();
      if (event.shiftKey && last && all.includes(last)) {
        const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
        for (const one of all.slice(from, to + 1)) one.checked = box.checked;
      }
      last = box;
    }
    count();
  });

  window.mivaa.after.push(() => { head(); count(); });
  head();
  count();

  if (location.hash === "#search") document.getElementById("search").focus();
  const order = document.querySelector(".tools select");
  if (order) order.addEventListener("change", () => order.form.requestSubmit());
})();
