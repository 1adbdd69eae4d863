/* Plays the helpdesk around the sidebar, over the same messages any host uses. */
'use strict';
const here = 'demo/';
const frame = document.getElementById('sidebar');
const reply = document.getElementById('reply');
const sent = document.getElementById('sent');
let tickets = [];
let open = null;
let runId = '';
let ready = false;

const tell = (message) => frame.contentWindow.postMessage(message, location.origin);

async function signIn() {
  const response = await fetch(here + 'session', {method: 'POST'});
  if (response.ok) tell({type: 'deskhand:token', token: (await response.json()).token});
}

function show(ticket) {
  open = ticket;
  runId = '';
  reply.value = '';
  sent.textContent = '';
  document.getElementById('subject').textContent = ticket.subject || 'Without a subject';
  document.getElementById('number').textContent = ticket.id || '';
  document.getElementById('messages').replaceChildren(
    ...ticket.messages.map((message) => {
      const item = document.createElement('li');
      const author = document.createElement('b');
      author.textContent = message.author === 'customer' ? 'Customer' : 'Agent';
      item.className = message.author;
      item.append(author, message.text);
      return item;
    }),
  );
  for (const button of document.querySelectorAll('nav button')) button.setAttribute('aria-current', String(button.dataset.id === ticket.id));
  if (ready) tell({type: 'deskhand:ticket', ticket});
}

window.addEventListener('message', (event) => {
  if (event.source !== frame.contentWindow || event.origin !== location.origin) return;
  const {type, text, run_id: run} = event.data ?? {};
  if (type === 'deskhand:ready' || type === 'deskhand:token-needed') {
    ready = true;
    signIn();
    if (open && type === 'deskhand:ready') tell({type: 'deskhand:ticket', ticket: open});
  }
  if (type === 'deskhand:insert') {
    const at = reply.selectionEnd;
    const before = reply.value.slice(0, at);
    reply.value = before + (before && !before.endsWith('\n') ? '\n' : '') + text + reply.value.slice(at);
    runId = run || runId;
    sent.textContent = '';
    reply.focus();
  }
});

document.getElementById('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!reply.value.trim()) return;
  tell({type: 'deskhand:sent', text: reply.value, run_id: runId});
  sent.textContent = 'Played as sent: nothing left this machine.';
});

fetch(here + 'tickets')
  .then((response) => response.json())
  .then((found) => {
    tickets = found;
    document.getElementById('tickets').replaceChildren(
      ...tickets.map((ticket) => {
        const item = document.createElement('li');
        const button = document.createElement('button');
        const number = document.createElement('small');
        number.textContent = ticket.id || '';
        button.type = 'button';
        button.dataset.id = ticket.id;
        button.append(ticket.subject || 'Without a subject', number);
        button.addEventListener('click', () => show(ticket));
        item.append(button);
        return item;
      }),
    );
    if (tickets.length) show(tickets[0]);
  });

frame.src = '../sidebar';
