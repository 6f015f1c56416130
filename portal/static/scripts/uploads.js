// The form of an upload, for those who have scripts: a file can be dropped on it, one that is too large is told before it is
// sent, and how far it is stands under it. Without scripts the browser sends the form as it is.
"use strict";

(() => {
  const progressed = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });

  function prepare(form) {
    const file = form.querySelector("input[type=file]");
    const place = form.querySelector("[data-drop]");
    for (const words of form.querySelectorAll("[data-with-scripts]")) words.hidden = false;

    const stop = (event) => event.preventDefault();
    place.addEventListener("dragenter", (event) => { stop(event); place.classList.add("over"); });
    place.addEventListener("dragover", (event) => { stop(event); place.classList.add("over"); });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", (event) => {
      stop(event);
      place.classList.remove("over");
      if (event.dataTransfer.files.length) file.files = event.dataTransfer.files;
      file.dispatchEvent(new Event("change"));
    });
    file.addEventListener("change", () => say(form, tooLarge(file) ? file.dataset.tooLarge : ""));
    form.addEventListener("submit", (event) => {
      if (tooLarge(file)) {
        stop(event);
        event.stopPropagation();
        say(form, file.dataset.tooLarge);
      } else if (event.submitter?.value === "upload" && file.files.length) {
        stop(event);
        send(form, event.submitter);
      }
    });
  }

  const tooLarge = (file) => file.files.length > 0 && file.files[0].size > Number(file.dataset.most);

  function say(form, text) {
    const place = form.querySelector("[data-upload-error]");
    place.textContent = text;
    place.hidden = !text;
  }

  function send(form, submitter) {
    const bar = form.querySelector("[data-progress]");
    const buttons = form.querySelectorAll("button");
    const busy = (is) => {
      bar.hidden = !is;
      for (const button of buttons) button.disabled = is;
    };
    const request = new XMLHttpRequest();
    const body = new FormData(form, submitter);
    say(form, "");
    busy(true);
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      bar.querySelector("progress").value = (100 * event.loaded) / event.total;
      bar.querySelector("[data-progress-text]").textContent = progressed.format(event.loaded / event.total);
    });
    request.addEventListener("load", () => answered(form, request));
    for (const end of ["error", "abort", "timeout"]) {
      request.addEventListener(end, () => {
        busy(false);
        delete form.dataset.sent;
        say(form, form.querySelector("[data-upload-error]").dataset.broken);
      });
    }
    // Not form.action: that is the button of this name.
    request.open("POST", form.getAttribute("action"));
    request.setRequestHeader("X-Sent-By", "script");
    request.setRequestHeader("Accept", "text/html");
    request.send(body);
  }

  function answered(form, request) {
    if (request.status === 200 && request.getResponseHeader("Content-Type")?.startsWith("application/json")) {
      location.assign(JSON.parse(request.responseText).address);
      return;
    }
    // The page with what is wrong takes the place of this one; the file stays chosen.
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const main = page.querySelector("main");
    if (!main) {
      location.reload();
      return;
    }
    const chosen = form.querySelector("input[type=file]").files;
    document.querySelector("main").replaceWith(document.adoptNode(main));
    const again = document.getElementById("upload");
    if (again) {
      again.querySelector("input[type=file]").files = chosen;
      prepare(again);
    }
    document.querySelector("[data-focus]")?.focus();
  }

  const form = document.getElementById("upload");
  if (form) prepare(form);
})();
