// A bulk move goes on by itself, slice by slice, until it is done or stopped.
"use strict";
(() => {
  const form = document.querySelector("form[data-go-on]");
  if (form) setTimeout(() => form.requestSubmit(), 300);
})();
