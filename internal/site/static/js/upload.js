// Files that are dropped on a form, or pasted into its page, go into its field
// of files. Without this the field and the text area do the same.
(() => {
  "use strict";
  const field = document.querySelector('form[enctype="multipart/form-data"] input[type="file"][multiple]');
  if (!field || typeof DataTransfer === "undefined") return;
  const form = field.form;
  const said = document.createElement("output");
  said.className = "tm-note";
  field.after(said);
  const size = (n) => (n < 1024 ? n + " B" : n < 1048576 ? (n / 1024).toFixed(1) + " KB" : (n / 1048576).toFixed(1) + " MB");
  const say = () => {
    const list = Array.from(field.files);
    said.textContent = list.map((f) => f.name + ", " + size(f.size)).join("; ");
  };
  const take = (files) => {
    const all = new DataTransfer();
    for (const f of field.files) all.items.add(f);
    for (const f of files) all.items.add(f);
    field.files = all.files;
    say();
  };
  field.addEventListener("change", say);
  document.addEventListener("paste", (e) => {
    const files = e.clipboardData ? Array.from(e.clipboardData.files) : [];
    if (files.length === 0) return; // text goes where the cursor is
    e.preventDefault();
    take(files);
  });
  form.addEventListener("dragover", (e) => e.preventDefault());
  form.addEventListener("drop", (e) => {
    if (!e.dataTransfer || e.dataTransfer.files.length === 0) return;
    e.preventDefault();
    take(Array.from(e.dataTransfer.files));
  });
})();
