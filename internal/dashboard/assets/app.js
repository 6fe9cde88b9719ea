// What every page's scripts share. Nothing here is needed to use a page.
"use strict";
(() => {
  const said = document.getElementById("said");

  // say tells a screen reader what changed on its own.
  function say(text) {
    if (said && said.textContent !== text) said.textContent = text;
  }

  function ago(ms) {
    const past = ms >= 0;
    const s = Math.floor(Math.abs(ms) / 1000);
    let words;
    if (s < 1) return "now";
    if (s < 60) words = s + " s";
    else if (s < 3600) words = Math.floor(s / 60) + " min";
    else if (s < 48 * 3600) words = Math.floor(s / 3600) + " h";
    else words = Math.floor(s / 86400) + " days";
    return past ? words + " ago" : "in " + words;
  }

  // dates keeps the words for times true, and tells the local time in the title.
  function dates(root) {
    for (const time of root.querySelectorAll("time[data-ago]")) {
      const at = new Date(time.dateTime);
      if (isNaN(at)) continue;
      const words = ago(Date.now() - at);
      if (time.textContent !== words) time.textContent = words;
      const utc = at.toISOString().slice(0, 19).replace("T", " ") + " UTC";
      const title = utc + "\n" + at.toLocaleString() + " here";
      if (time.title !== title) time.title = title;
    }
  }

  // Beyond this the clocks of service and reader differ, and the words of the
  // service are truer than ours.
  const skew = 30000;
  const first = document.querySelector("meta[name=now]");
  const trusted = !first || Math.abs(Date.now() - new Date(first.content)) < skew;

  // copying works without HTTPS too, where the clipboard's own way is closed.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "unseen";
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
    const done = await copy(from ? from.textContent : button.dataset.copy);
    say(done ? "Copied" : "Copying is not possible here");
    button.dataset.done = done ? "yes" : "no";
    setTimeout(() => delete button.dataset.done, 1200);
  });

  // fresh looks after what is new on the page: at first, and after each update.
  const after = [];
  function fresh(root) {
    if (trusted) dates(root);
    for (const button of root.querySelectorAll(".copy[hidden]")) button.hidden = false;
    for (const f of after) f(root);
  }
  setInterval(() => trusted && dates(document), 15000);

  window.mivaa = { say, copy, fresh, after };
  fresh(document);
})();
