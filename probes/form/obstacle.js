// Why a person could not click on the button now; empty when nothing is in the way.
(button) => {
  if (button.disabled || button.getAttribute("aria-disabled") === "true") return "it is disabled";
  if (!button.isConnected || !button.checkVisibility({ visibilityProperty: true })) return "it is hidden";
  button.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const box = button.getBoundingClientRect();
  const hit = button.getRootNode().elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  if (!hit) return "it is out of sight";
  if (button.contains(hit) || hit.closest("label")?.control === button) return "";
  const called = [hit.tagName.toLowerCase(), hit.id && `#${hit.id}`, ...[...hit.classList].slice(0, 3).map((c) => `.${c}`)];
  return `${called.join("").slice(0, 100)} ("${(hit.innerText ?? "").replace(/\s+/g, " ").trim().slice(0, 60)}") covers it`;
}
