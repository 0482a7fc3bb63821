// Passkeys on top of forms that work without them. A form with data-passkey="get" or "create" asks the browser
// with data-options, or with what data-ask gives, and sends the answer in its field "credential".
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const opened = (options) => {
  const key = { ...options, challenge: bytes(options.challenge) };
  if (key.user) key.user = { ...key.user, id: bytes(key.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (key[list]) key[list] = key[list].map((each) => ({ ...each, id: bytes(each.id) }));
  }
  return key;
};
const closed = (credential) => {
  const given = credential.response;
  const response = { clientDataJSON: text(given.clientDataJSON) };
  if (given.attestationObject) {
    response.attestationObject = text(given.attestationObject);
    response.transports = given.getTransports?.() ?? [];
  } else {
    response.authenticatorData = text(given.authenticatorData);
    response.signature = text(given.signature);
    if (given.userHandle) response.userHandle = text(given.userHandle);
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
};

let waiting = new AbortController();
const asked = async (form) => {
  if (form.dataset.options) return JSON.parse(form.dataset.options);
  const headers = { "X-CSRF-Token": form.elements._csrf?.value ?? "" };
  const answer = await fetch(form.dataset.ask, { method: "POST", headers });
  if (!answer.ok) throw new Error(String(answer.status));
  const given = await answer.json();
  form.elements.challenge.value = given.challenge;
  return given.options;
};
const use = async (form, mediation) => {
  const publicKey = opened(await asked(form));
  waiting.abort();
  waiting = new AbortController();
  const call = { publicKey, signal: waiting.signal, ...(mediation && { mediation }) };
  form.elements.credential.value = closed(await navigator.credentials[form.dataset.passkey](call));
  form.requestSubmit();
};

if (window.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = false;
  document.addEventListener("click", async (event) => {
    const form = event.target.closest?.("[data-passkey-start]")?.form;
    if (!form) return;
    event.preventDefault();
    const note = form.querySelector("[data-passkey-note]");
    try {
      note.hidden = true;
      await use(form);
    } catch {
      note.hidden = false;
    }
  });
  // The browser offers passkeys among its suggestions for the e-mail field, where it can.
  const silent = document.querySelector("form[data-passkey-silent]");
  if (silent && await PublicKeyCredential.isConditionalMediationAvailable?.()) use(silent, "conditional").catch(() => {});
}
