// A PDF dropped anywhere on a page is submitted, and so is what the upload form
// holds, with its progress shown.
"use strict";
(() => {
  const { say } = window.mivaa;
  const address = "/api/rag/documents/upload-async";

  const box = document.createElement("div");
  box.className = "drop";
  box.hidden = true;
  box.setAttribute("role", "status");
  document.body.append(box);

  function show(text, part) {
    box.hidden = !text;
    box.replaceChildren(text);
    if (part === undefined) return;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = part;
    bar.setAttribute("aria-label", "Upload");
    box.append(bar);
  }

  // send returns the accepted job, or throws what people can read.
  function send(form, name, nth) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", address);
      request.responseType = "json";
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) show(`Uploading ${name}${nth}`, event.loaded / event.total);
      };
      request.onload = () => {
        if (request.status < 300 && request.response) resolve(request.response);
        else reject(new Error((request.response && request.response.detail) || `The service answered ${request.status}.`));
      };
      request.onerror = () => reject(new Error("The service is not reachable. Try again."));
      request.send(form);
    });
  }

  // word is what the job's page says of the upload.
  function word(done) {
    if (!done.deduplicated) return "accepted";
    return done.callback_registered === false ? "untold" : "known";
  }

  async function submit(forms) {
    let done, failed = "";
    for (const [i, { form, name }] of forms.entries()) {
      show(`Uploading ${name}`, 0);
      try {
        done = await send(form, name, forms.length > 1 ? ` (${i + 1} of ${forms.length})` : "");
      } catch (error) {
        failed += `${name}: ${error.message} `;
      }
    }
    if (failed) {
      show(failed);
      say(failed);
      setTimeout(() => show(""), 12000);
      if (window.mivaa.refresh) window.mivaa.refresh();
      return;
    }
    show("Accepted");
    if (forms.length > 1) location.href = "/";
    else if (!done.job_id) location.href = `/documents/${done.document_id}`;
    else location.href = `/jobs/${done.job_id}?done=${word(done)}`;
  }

  const files = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth++;
    show("Drop the PDF to submit it");
    box.classList.add("over");
  });
  addEventListener("dragover", (event) => files(event) && event.preventDefault());
  addEventListener("dragleave", (event) => {
    if (!files(event) || --depth > 0) return;
    depth = 0;
    box.classList.remove("over");
    show("");
  });
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    box.classList.remove("over");
    const forms = [...event.dataTransfer.files].map((file) => {
      const form = new FormData();
      form.append("file", file);
      return { form, name: file.name };
    });
    if (forms.length) submit(forms);
    else show("");
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-upload]");
    const file = form && form.querySelector("input[type=file]").files[0];
    if (!file) return;
    event.preventDefault();
    submit([{ form: new FormData(form), name: file.name }]);
  });
})();
