// What a person can read on the page, open shadow roots included, in one line and at most `limit` characters.
(limit) => {
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
  return parts.join(" ").slice(0, limit).replace(/\s+/g, " ").trim();
}
