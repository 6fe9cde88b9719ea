// A page that changes asks for itself again when an event says that it is out of
// date, and takes over what differs in the parts marked data-live. What the
// reader does meanwhile (focus, ticks, open details) stays.
"use strict";
(() => {
  const { say, fresh } = window.mivaa;
  const mark = document.getElementById("live");
  const reach = document.getElementById("reach");
  const address = document.body.dataset.events;

  // patch makes an element like another. Children with an id are found again
  // wherever they have moved to.
  function patch(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    attributes(old, fresh);
    children(old, fresh);
  }

  const kept = new Set(["open", "checked", "hidden", "data-at"]);
  function attributes(old, fresh) {
    for (const a of [...old.attributes]) {
      if (!fresh.hasAttribute(a.name) && !kept.has(a.name)) old.removeAttribute(a.name);
    }
    for (const a of fresh.attributes) {
      if (old.getAttribute(a.name) !== a.value && !kept.has(a.name)) old.setAttribute(a.name, a.value);
    }
  }

  function children(old, fresh) {
    const byId = new Map([...old.children].filter((c) => c.id).map((c) => [c.id, c]));
    let at = old.firstChild;
    for (const want of [...fresh.childNodes]) {
      const known = want.id ? byId.get(want.id) : null;
      if (known) {
        if (known === at) at = at.nextSibling;
        else old.insertBefore(known, at);
        patch(known, want);
      } else if (at && !(at.id && byId.has(at.id)) && !want.id && at.nodeName === want.nodeName) {
        const next = at.nextSibling;
        patch(at, want);
        at = next;
      } else {
        old.insertBefore(want, at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  // refresh fetches the page and takes over its live parts: one at a time, and
  // not more often than once in a second.
  let busy = false, again = false, last = 0, timer = 0, due = 0;
  async function refresh() {
    timer = 0;
    if (busy || document.hidden) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      const signedOut = answer.redirected && new URL(answer.url).pathname === "/login";
      if (signedOut || answer.status === 404 || answer.status === 410) {
        location.reload();
        return;
      }
      if (!answer.ok) {
        lost(answer.status >= 500 ? "The service cannot read its store now. Trying again…" : "");
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const now = page.getElementById(part.id);
        if (!now) continue;
        const before = part.dataset.say;
        patch(part, now);
        fresh(part);
        if (part.dataset.say && part.dataset.say !== before) say(part.dataset.say);
      }
      found();
    } catch {
      lost();
    } finally {
      busy = false;
      if (again) soon();
    }
  }
  function soon(every = 1000) {
    const at = Math.max(Date.now() + 150, last + every);
    if (timer && due <= at) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(refresh, at - Date.now());
  }

  function show(state, word) {
    if (!mark) return;
    mark.hidden = false;
    mark.dataset.state = state;
    mark.querySelector(".word").textContent = word;
  }

  // Whether the service can be reached. A moment without it is not worth a word.
  let out = 0;
  function lost(why) {
    if (!out) out = setTimeout(() => {
      reach.textContent = why || "The service is not reachable. Trying again…";
      show("gone", "not reachable");
    }, 2500);
    if (address) soon(3000);
  }
  function found() {
    clearTimeout(out);
    out = 0;
    if (!reach.textContent) return;
    reach.textContent = "";
    say("The service is reachable again");
    if (source && source.readyState === EventSource.OPEN) show("live", "live");
  }

  // The progress of a job comes with the event itself.
  function progress(job) {
    for (const bar of document.querySelectorAll(`[data-progress="${CSS.escape(job.id)}"]`)) {
      if (bar.tagName === "PROGRESS") bar.value = job.progress;
      else bar.textContent = job.steps_total ? `${job.steps_done} of ${job.steps_total}` : `${job.steps_done}`;
    }
    document.dispatchEvent(new CustomEvent("mivaa:progress", { detail: job }));
  }

  // Where more than numbers follows the progress, the page is asked for oftener.
  const pages = document.querySelector("[data-live=progress]");

  // EventSource comes back by itself after a broken connection, with the id of
  // the last event. After a refusal it does not: then we do, and look at the
  // page itself meanwhile.
  let source, wait = 1000;
  function listen(address) {
    source = new EventSource(address);
    source.onopen = () => {
      wait = 1000;
      show("live", "live");
      found();
      soon(); // what happened meanwhile
    };
    source.onerror = () => {
      if (!reach.textContent) show("again", "reconnecting");
      lost();
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => {
        soon();
        listen(address);
      }, wait);
      wait = Math.min(wait * 2, 5000);
    };
    source.addEventListener("status", (event) => {
      soon();
      document.dispatchEvent(new CustomEvent("mivaa:status", { detail: JSON.parse(event.data) }));
    });
    source.addEventListener("progress", (event) => {
      progress(JSON.parse(event.data));
      soon(pages ? 1000 : 4000);
    });
    source.addEventListener("bye", () => show("again", "reconnecting"));
  }

  if (address) {
    show("off", "connecting");
    listen(address);
    document.addEventListener("visibilitychange", () => document.hidden || soon());
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => event.persisted && listen(address));
  }

  // A page that says what is wrong comes again when it may be right.
  if (document.body.hasAttribute("data-retry")) {
    setInterval(async () => {
      try {
        const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
        if (answer.ok) location.reload();
      } catch { /* still away */ }
    }, 3000);
  }
  window.mivaa.refresh = soon;
})();
