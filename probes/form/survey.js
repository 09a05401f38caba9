// One look at the page: every field and button that a person could use, and what a person would call it.
// Returns a look: `read()` gives the facts, which refer to `elements` by index, so that Python chooses and the browser
// acts. Reading again replaces the elements. Everything is bounded: the page is not trusted.
() => {
  const MOST_ELEMENTS = 20000, MOST_CONTROLS = 300, MOST_OPTIONS = 500, LONGEST = 200;
  const CONTROLS = "input,select,textarea,button,script,style";
  let elements = [], forms = [];

  const short = (value) => String(value ?? "").slice(0, 8 * LONGEST).replace(/\s+/g, " ").trim().slice(0, LONGEST);
  const known = (texts) => [...new Set(texts.map(short))].filter(Boolean).slice(0, 5);
  const at = (element) => elements.push(element) - 1;
  const formOf = (element) => {
    const form = element.form ?? element.closest?.("form");
    if (!form) return -1;
    if (!forms.includes(form)) forms.push(form);
    return forms.indexOf(form);
  };
  const visible = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && element.checkVisibility({ visibilityProperty: true });
  };

  // A label around its control must not count the control's own text, such as the options of a select.
  const written = (element) => {
    if (!element.querySelector(CONTROLS)) return short(element.innerText || element.textContent);
    const copy = element.cloneNode(true);
    copy.querySelectorAll(CONTROLS).forEach((control) => control.remove());
    return short(copy.textContent);
  };
  const named = (element, attribute) =>
    (element.getAttribute(attribute) ?? "").split(/\s+/).filter(Boolean).slice(0, 5)
      .map((id) => element.getRootNode().getElementById?.(id)).filter(Boolean).map(written).join(" ");
  const labels = (element) => known([...(element.labels ?? [])].slice(0, 5).map(written));
  const accessible = (element) =>
    known([named(element, "aria-labelledby"), element.getAttribute("aria-label"), element.getAttribute("title")]);

  const describe = (element, kind, acted = element) => ({
    at: [at(acted), ...(acted === element ? [] : [at(element)])],
    kind,
    labels: labels(element),
    placeholder: short(element.getAttribute("placeholder") ?? element.getAttribute("data-placeholder")),
    accessible: accessible(element),
    name: short(element.getAttribute("name") || element.id),
    form: formOf(element),
    visible: visible(acted),
    options: kind === "select" ? [...element.options].slice(0, MOST_OPTIONS).map((o) => [short(o.label), short(o.value)]) : [],
    problem: element.willValidate && !element.validity.valid ? short(element.validationMessage) || "is not valid" : "",
  });
  const group = (radios) => {
    const first = radios[0];
    const around = first.closest("fieldset, [role=radiogroup], [role=group]");
    const legend = around?.querySelector(":scope > legend");
    const problem = radios.find((radio) => radio.willValidate && !radio.validity.valid);
    return {
      ...describe(first, "radio"),
      at: radios.map(at),
      labels: known([legend ? written(legend) : ""]),
      accessible: around ? accessible(around) : [],
      options: radios.map((radio) => [labels(radio)[0] ?? accessible(radio)[0] ?? short(radio.value), short(radio.value)]),
      visible: radios.some(visible),
      problem: problem ? short(problem.validationMessage) : "",
    };
  };
  const button = (element) => ({
    at: [at(element)],
    names: known([
      named(element, "aria-labelledby"), element.getAttribute("aria-label"), element.innerText,
      element.matches("input") ? element.value || (element.type === "submit" ? "Submit" : "") : "",
      element.getAttribute("alt"), element.getAttribute("title"),
    ]),
    name: short(element.getAttribute("name") || element.id),
    form: formOf(element),
    visible: visible(element),
    validates: ["submit", "image"].includes(element.type) && !!element.form
      && !element.form.noValidate && !element.formNoValidate,
  });

  // Open shadow roots are part of what a person sees.
  const editable = "[contenteditable=''], [contenteditable=true], [contenteditable=plaintext-only]";
  const find = (root, controls, walked) => {
    controls.push(...[...root.querySelectorAll(`input, select, textarea, button, [role=button], ${editable}`)].slice(0, 2 * MOST_CONTROLS));
    for (const element of root.querySelectorAll("*")) {
      if (++walked.elements > MOST_ELEMENTS) break;
      if (element.shadowRoot) find(element.shadowRoot, controls, walked);
    }
    return controls;
  };

  const read = () => {
    [elements, forms] = [[], []];
    const fields = [], buttons = [], radios = new Map(), editors = new Map();
    for (const element of find(document, [], { elements: 0 })) {
      if (fields.length + buttons.length >= MOST_CONTROLS) break;
      const type = element.matches("input") ? element.type : "";
      if (element.matches("button, [role=button]") || ["submit", "image", "button"].includes(type)) {
        buttons.push(button(element));
      } else if (type === "hidden" || type === "reset") {
        continue;
      } else if (type === "radio") {
        const key = JSON.stringify([formOf(element), element.name || element.id]);
        if (!radios.has(key)) radios.set(key, []);
        if (radios.get(key).length < MOST_OPTIONS) radios.get(key).push(element);
      } else if (element.matches("textarea") && !visible(element) && element.nextElementSibling) {
        // A rich-text editor puts itself beside the text area that it hides; the label still belongs to that.
        const next = element.nextElementSibling;
        const editor = next.matches(editable) ? next : next.querySelector(editable);
        if (editor) editors.set(editor, element);
        fields.push(editor ? describe(element, "rich", editor) : describe(element, "text"));
      } else if (element.matches("input, select, textarea")) {
        const kind = { checkbox: "checkbox", file: "file" }[type] ?? (element.matches("select") ? "select" : "text");
        fields.push(describe(element, kind));
      } else if (element.matches(editable) && !editors.has(element)) {
        fields.push(describe(element, "rich"));
      }
    }
    for (const members of radios.values()) fields.push(group(members));
    return { fields, buttons, frames: window.frames.length };
  };
  return { read, button, get elements() { return elements; } };
}
