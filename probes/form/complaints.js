// What the page complains about, as a person sees it: {errors, notices}. Errors belong to a field or are marked as
// errors; notices are alerts, which may as well be good news.
() => {
  const MOST = 10, LONGEST = 200;
  const short = (value) => String(value ?? "").slice(0, 8 * LONGEST).replace(/\s+/g, " ").trim().slice(0, LONGEST);
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const texts = (found) => [...new Set(found.map(short))].filter(Boolean).slice(0, MOST);
  const all = (selector) => [...document.querySelectorAll(selector)].slice(0, 200).filter(seen);
  const called = (element) =>
    short(element.labels?.[0]?.innerText || element.getAttribute("aria-label") || element.placeholder || element.name);
  const about = (element) =>
    (element.getAttribute("aria-errormessage") || element.getAttribute("aria-describedby") || "").split(/\s+/).slice(0, 5)
      .filter(Boolean).map((id) => document.getElementById(id)).filter((e) => e && seen(e)).map((e) => e.innerText).join(" ");
  const invalid = all("[aria-invalid=true], input.is-invalid, select.is-invalid, textarea.is-invalid, :user-invalid")
    .filter((element) => !element.matches("form, fieldset"))
    .map((element) => `${called(element)}: ${short(about(element)) || element.validationMessage || "is marked as wrong"}`);
  const errors = all(".errorlist, .invalid-feedback, .field-error, .form-error, .error-message, .alert-danger, .has-error .help-block")
    .map((element) => element.innerText);
  const notices = all("[role=alert], [role=status], .alert, .messages").map((element) => element.innerText);
  return { errors: texts([...errors, ...invalid]), notices: texts(notices) };
}
