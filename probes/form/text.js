// What a person can read on the page, open shadow roots included, at most `limit` characters: in one line, or in the lines
// in which it stands there.
(limit, inLines = false) => {
  const parts = [document.body?.innerText ?? ""];
  let walked = 0;
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (++walked > 20000) return;
      if (!element.shadowRoot) continue;
      for (const child of element.shadowRoot.children) if (child.checkVisibility?.()) parts.push(child.innerText ?? "");
      walk(element.shadowRoot);
    }
  };
  walk(document);
  const text = parts.join("\n").slice(0, limit);
  return (inLines ? text.replace(/[^\S\n]+/g, " ").replace(/ ?\n\s*/g, "\n") : text.replace(/\s+/g, " ")).trim();
}
