// Passkeys: asks the authenticator what the form says, and posts its answer.
(() => {
  "use strict";
  const able = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const without = form.querySelector("[data-passkey-without]"), problem = form.querySelector("[data-passkey-problem]");
    if (!able) continue;
    without.hidden = true;
    form.addEventListener("submit", async (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      problem.hidden = true;
      try {
        const options = JSON.parse(form.dataset.options);
        const credential = form.dataset.passkey === "create"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
        form.elements.answer.value = JSON.stringify(credential.toJSON());
        form.submit();
      } catch (error) {
        problem.textContent = error.name === "InvalidStateError" ? "This device has a passkey of yours already."
          : "The passkey was not given. Try again, or use another way.";
        problem.hidden = false;
        without.hidden = false;
      }
    });
  }
})();
