// A search box over the table of inputs; shown where there are many.

export function findInputs() {
  const box = document.getElementById('find-input');
  if (!box) return;
  const rows = [...document.querySelectorAll('#inputs > tr')].map((row) => [row, row.textContent.toLowerCase()]);
  const said = document.getElementById('found-inputs');
  box.closest('p').hidden = false;
  box.addEventListener('input', () => {
    const wanted = box.value.trim().toLowerCase();
    let found = 0;
    for (const [row, text] of rows) {
      row.hidden = !text.includes(wanted);
      if (!row.hidden) found += 1;
    }
    said.textContent = wanted ? `${found} of ${rows.length}` : '';
  });
}
