// What makes the pages better where scripts run. Every page works without.
(() => {
  "use strict";
  const announcer = document.getElementById("announce");

  // announce has a screen reader say something.
  const announce = text => {
    announcer.textContent = "";
    setTimeout(() => { announcer.textContent = text; }, 50);
  };

  // improve brings a part of the page to life: when it is loaded, and when it
  // is replaced.
  const improve = part => {
    const times = new Intl.DateTimeFormat(document.documentElement.lang, {dateStyle: "medium", timeStyle: "short"});
    for (const time of part.querySelectorAll("time[datetime]")) {
      if (!time.title) {
        time.title = time.textContent;
        time.textContent = times.format(new Date(time.dateTime));
      }
    }
    for (const button of part.querySelectorAll("button[data-copy], button[data-print]")) button.hidden = false;
  };

  const copy = async button => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      // Over http browsers have no clipboard for pages.
      const text = document.createElement("textarea");
      text.value = button.dataset.copy;
      (button.closest("dialog") ?? document.body).append(text);
      text.select();
      document.execCommand("copy");
      text.remove();
      button.focus();
    }
    const label = button.textContent;
    if (label !== button.dataset.copied) {
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = label; }, 2000);
    }
    announce(button.dataset.copied);
  };

  // ask shows the question of another page in a dialog. A page that is no
  // question, such as one that asks to sign in first, is opened instead.
  const ask = async url => {
    let question = null;
    try {
      const answer = await fetch(url);
      if (answer.ok && !answer.redirected) {
        question = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".dialog");
      }
    } catch { /* the browser shows what is wrong */ }
    if (!question) {
      location.assign(url);
      return;
    }
    const dialog = document.createElement("dialog");
    const title = document.createElement("h2");
    const heading = question.querySelector("h1");
    title.id = "dialog-title";
    title.textContent = heading.textContent;
    heading.replaceWith(title);
    question.querySelector(".up")?.remove();
    question.querySelector(".tabs")?.remove();
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.append(document.importNode(question, true));
    dialog.addEventListener("close", () => dialog.remove());
    dialog.querySelector("[data-cancel]").addEventListener("click", event => {
      event.preventDefault();
      dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  };

  document.addEventListener("click", event => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button);
    if (event.target.closest("button[data-print]")) print();
    const link = event.target.closest("a[data-dialog]");
    if (link) {
      event.preventDefault();
      ask(link.href);
    }
  });

  // Browsers bring no more of a large field into view than the line with the
  // caret.
  document.addEventListener("focusin", event => {
    if (event.target.matches("textarea")) event.target.scrollIntoView({block: "nearest"});
  });

  // What was sent into another tab has its result on this page, too.
  let away = false;
  document.addEventListener("submit", event => { away ||= event.target.target === "_blank"; });
  document.addEventListener("visibilitychange", () => {
    if (away && document.visibilityState === "visible") location.reload();
  });

  // What is not filtered by does not stand in the URL.
  document.addEventListener("htmx:configRequest", event => {
    const values = event.detail.formData;
    for (const [name, value] of [...values]) if (value === "") values.delete(name);
  });

  // A fragment that comes from another page, such as the login's, is no
  // fragment: the browser goes there.
  document.addEventListener("htmx:beforeSwap", event => {
    const {xhr} = event.detail;
    if (xhr.responseURL && new URL(xhr.responseURL).pathname !== new URL(event.detail.pathInfo.finalRequestPath, location.href).pathname) {
      event.detail.shouldSwap = false;
      location.assign(xhr.responseURL);
    }
  });
  let told = "";
  document.addEventListener("htmx:afterSettle", () => {
    improve(document);
    const news = document.querySelector("[data-announce]");
    if (news && news.textContent !== told) announce(told = news.textContent);
  });

  // What a reader says of a page of the help is sent without leaving it.
  document.addEventListener("submit", async event => {
    const form = event.target.closest("form[data-feedback]");
    if (!form) return;
    event.preventDefault();
    const state = form.querySelector("[data-state]");
    const button = form.querySelector("button");
    button.disabled = true;
    state.textContent = form.dataset.sending;
    try {
      const answer = await fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))});
      if (!answer.ok) throw new Error(answer.status);
      const thanks = document.createElement("p");
      thanks.className = "notice good";
      thanks.tabIndex = -1;
      thanks.textContent = form.dataset.thanks;
      form.replaceWith(thanks);
      thanks.focus();
      announce(form.dataset.thanks);
    } catch {
      button.disabled = false;
      state.textContent = form.dataset.wrong;
      button.focus();
    }
  });

  improve(document);
})();
