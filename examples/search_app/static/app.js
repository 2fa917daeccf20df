// A choice searches at once, and an empty field stays out of the address. Without this, the buttons do it.
const form = document.getElementById("search");
if (form) {
  form.addEventListener("change", (event) => {
    if (event.target.type === "radio") form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    for (const field of form.querySelectorAll("input")) if (!field.value) field.disabled = true;
  });
}
for (const each of document.forms) each.addEventListener("submit", () => each.setAttribute("aria-busy", "true"));
// A page that the browser shows again from its memory is no longer busy.
addEventListener("pageshow", () => {
  for (const each of document.forms) each.removeAttribute("aria-busy");
  for (const field of document.querySelectorAll("input:disabled")) field.disabled = false;
});
