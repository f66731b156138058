// Buttons that copy the text beside them; without the clipboard (plain http on another host) the text is selected.

export function offerCopies(root) {
  for (const button of root.querySelectorAll('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => copy(button));
  }
}

async function copy(button) {
  const text = button.parentElement.querySelector('pre');
  const word = button.textContent;
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = 'Selected';
  }
  setTimeout(() => { button.textContent = word; }, 1500);
}
