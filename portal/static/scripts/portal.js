// What makes pages quicker for those who have scripts: everything works without it.
//
//   /        goes to the search field          data-key="/"
//   g, x     goes to the page of key x         data-go="x" on a link
//   ?        opens the list of keys            /keys
//   data-copy="id"   copies that field's value; the button is hidden without scripts
//   data-focus       takes the focus when the page opens: a summary of errors
"use strict";

(() => {
  const WAIT_AFTER_G_MS = 1500;
  let waitingUntil = 0;

  const typing = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      closeMenus(null, true);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (Date.now() < waitingUntil) {
      waitingUntil = 0;
      const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        location.assign(link.href);
      }
      return;
    }
    if (event.key === "g") {
      waitingUntil = Date.now() + WAIT_AFTER_G_MS;
    } else if (event.key === "?" && document.querySelector("[data-key]")) {
      event.preventDefault();
      location.assign("/keys");
    } else {
      const field = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (field) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    }
  });

  // A menu closes when one goes elsewhere; the summary keeps the focus when it is closed by Escape.
  function closeMenus(except, refocus) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu === except) continue;
      if (refocus && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    }
  }
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu"), false));
  document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.menu"), false));

  async function copy(button) {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy");
    }
    const words = button.querySelector("span");
    words.setAttribute("role", "status");
    words.textContent = button.dataset.copied;
  }

  function prepare(root) {
    for (const button of root.querySelectorAll("[data-copy][hidden]")) {
      button.hidden = false;
      button.addEventListener("click", () => copy(button));
    }
  }

  prepare(document);
  document.querySelector("[data-focus]")?.focus();
  document.addEventListener("htmx:after:swap", () => prepare(document));

  // A form that is sent twice by an impatient click does its work once.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    else if (event.target.method === "post") event.target.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
