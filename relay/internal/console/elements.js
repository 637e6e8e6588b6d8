// Everything that is shown is made here, and text is only ever set as text: ids and user agents come from anybody.

export const byId = (id) => document.getElementById(id);

/** `properties` are set on the element; a child is an element, or what becomes text. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

/** Replaces the text only where it has changed, so that nothing is read out or selected away every two seconds. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A table; the first cell of each row is its heading. */
export function fillTable(table, titles, rows) {
  const head = element('tr', {}, ...titles.map((title) => element('th', { scope: 'col' }, title)));
  const body = rows.map(([first, ...rest]) => {
    const cells = rest.map((cell) => element('td', {}, cell));
    return element('tr', {}, element('th', { scope: 'row' }, first), ...cells);
  });
  table.replaceChildren(element('thead', {}, head), element('tbody', {}, ...body));
}

/** Keeps `list` as name and value pairs. Nodes stay when the names do: what is focused or selected is left alone. */
export function fillPairs(list, pairs) {
  const names = [...list.querySelectorAll('dt')].map((node) => node.textContent);
  if (names.join('\n') !== pairs.map(([name]) => name).join('\n')) {
    list.replaceChildren(
      ...pairs.map(([name]) => element('div', {}, element('dt', {}, name), element('dd'), element('p'))),
    );
  }
  for (const [index, [, value, note = '', state = '']] of pairs.entries()) {
    const [, dd, p] = list.children[index].children;
    setText(dd, value);
    setText(p, note);
    list.children[index].className = state;
  }
}

/** What scrolls sideways: not every browser lets the keyboard into it by itself. */
export function scrolling(node, label) {
  node.classList.add('scroll');
  node.tabIndex = 0;
  node.setAttribute('role', 'region');
  node.setAttribute('aria-label', label);
  return node;
}
