// What is being typed outlives its page: a console that was started anew, or a stumbled browser, loads the page again.
(() => {
  "use strict";
  const DRAFT = `draft ${location.pathname}`; // of this tab, until it is sent, given up or signed out
  const whose = () => document.querySelector(".who strong")?.textContent;

  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    const { act, hazard, tag } = form.dataset;
    const fields = Object.fromEntries(new FormData(form));
    sessionStorage.setItem(DRAFT, JSON.stringify({ whose: whose(), act, hazard, tag, fields }));
  });

  document.addEventListener("submit", (event) => {
    if (event.target.matches("[action='/sign-out']")) sessionStorage.clear();
  });

  // A form whose words somebody else has changed meanwhile carries another tag: what was typed is not meant for them.
  function restore({ act, hazard, tag, fields }) {
    const form = [...document.querySelectorAll("form[data-act]")].find(
      ({ dataset }) => dataset.act === act && dataset.hazard === hazard && dataset.tag === tag,
    );
    for (const field of form?.elements ?? []) {
      if (!(field.name in fields)) continue;
      if (field.type === "radio") field.checked = field.value === fields[field.name];
      else field.value = fields[field.name];
    }
    const dialog = form?.closest("dialog");
    if (dialog) document.querySelector(`[data-dialog="${dialog.id}"]:not(:disabled)`)?.click();
    else form?.closest("details")?.setAttribute("open", "");
  }

  function start() {
    const draft = JSON.parse(sessionStorage.getItem(DRAFT));
    if (!draft) return;
    const drawn = () => document.querySelector("form[data-act]") && whose() !== undefined;
    const watching = new MutationObserver(() => {
      if (!drawn()) return;
      watching.disconnect();
      if (draft.whose === whose()) restore(draft);
    });
    watching.observe(document.body, { childList: true, subtree: true });
  }

  window.carewatchDrafts = {
    forget() {
      sessionStorage.removeItem(DRAFT);
    },
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
