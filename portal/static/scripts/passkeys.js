// Passkeys: the one thing here that needs a script. Another way to log in stands beside each of these buttons.
//
//   data-passkey="get" or "create"   what the button asks the browser for
//   data-options="/path"             where its challenge comes from
//   data-form="id"                   the form that takes the answer, in its field "answer"
//   data-says="id"                   where it says that it did not work
"use strict";

(() => {
  const webauthn = globalThis.SimpleWebAuthnBrowser;
  if (!webauthn || !webauthn.browserSupportsWebAuthn()) return;

  async function challenge(button, form) {
    const answer = await fetch(button.dataset.options, {
      method: "POST",
      headers: { "X-CSRF-Token": form.elements.csrf.value, Accept: "application/json" },
      body: new FormData(form),
    });
    if (answer.redirected) {
      // One has to prove again who one is.
      location.assign(answer.url);
      return null;
    }
    if (!answer.ok) throw new Error(`challenge: ${answer.status}`);
    return answer.json();
  }

  async function ask(button) {
    const form = document.getElementById(button.dataset.form);
    const says = document.getElementById(button.dataset.says);
    says.hidden = true;
    button.disabled = true;
    try {
      const optionsJSON = await challenge(button, form);
      if (!optionsJSON) return;
      const made = await (button.dataset.passkey === "create"
        ? webauthn.startRegistration({ optionsJSON })
        : webauthn.startAuthentication({ optionsJSON }));
      form.elements.answer.value = JSON.stringify(made);
      form.submit();
    } catch {
      says.hidden = false;
      button.disabled = false;
    }
  }

  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.hidden = false;
    button.addEventListener("click", () => ask(button));
  }
  for (const part of document.querySelectorAll("[data-with-passkeys]")) part.hidden = false;
})();
