// Without it the page follows the operating system. With it, it follows Airflow around it, and its links lead there.
(() => {
  let outer;
  try { outer = parent !== window && parent.document; } catch { return; }
  if (!outer) return;
  const ours = document.documentElement, theirs = outer.documentElement;
  const names = { bg: "bg", fg: "fg", muted: "fg-muted", line: "border-emphasized" };
  const apply = () => {
    const dark = theirs.classList.contains("dark"), values = parent.getComputedStyle(theirs);
    ours.classList.toggle("dark", dark);
    ours.classList.toggle("light", !dark);
    for (const [mine, token] of Object.entries(names)) {
      const value = values.getPropertyValue(`--chakra-colors-${token}`).trim();
      value ? ours.style.setProperty(`--${mine}`, value) : ours.style.removeProperty(`--${mine}`);
    }
  };
  apply();
  new MutationObserver(apply).observe(theirs, { attributes: true, attributeFilter: ["class"] });
  // The frame may neither lead its parent elsewhere nor open a tab: the parent's own document does.
  const follow = (event) => {
    const link = event.button < 2 && event.target.closest?.("a[data-top]");
    if (!link) return;
    event.preventDefault();
    const copy = outer.createElement("a");
    copy.href = link.href;
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) Object.assign(copy, { target: "_blank", rel: "noopener" });
    outer.body.append(copy);
    copy.click();
    copy.remove();
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", follow);
})();
