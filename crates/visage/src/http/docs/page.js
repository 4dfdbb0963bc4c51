// Shows the OpenAPI description. Everything is put in as text.
const list = document.getElementById('operations');
const find = document.getElementById('find');

const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
};

function parameters(operation) {
  const rows = (operation.parameters ?? []).map((p) => [p.name, p.in, p.schema.type, p.required]);
  for (const { schema } of Object.values(operation.requestBody?.content ?? {})) {
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      rows.push([name, 'body', member.format ?? member.type, schema.required?.includes(name)]);
    }
  }
  const table = element('table');
  for (const [name, place, type, required] of rows) {
    const row = table.insertRow();
    row.insertCell().append(element('code', name));
    row.insertCell().textContent = `${place}, ${type}${required ? ', required' : ''}`;
  }
  return table;
}

const { paths } = await (await fetch('/api/docs/openapi.json')).json();
let group = '';
for (const [path, methods] of Object.entries(paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    if (operation.tags[0] !== group) list.append(element('h2', (group = operation.tags[0])));
    const entry = element('details');
    const head = element('summary');
    head.append(element('span', method, 'method'), element('code', path), ` ${operation.summary}`);
    entry.append(head, parameters(operation));
    list.append(entry);
  }
}
find.addEventListener('input', () => {
  const wanted = find.value.toLowerCase();
  for (const entry of list.querySelectorAll('details')) entry.hidden = !entry.textContent.toLowerCase().includes(wanted);
});
