/* Between Freshworks' client and the sidebar's messages. */
'use strict';
(async () => {
  const client = await app.initialized();
  const frame = document.getElementById('sidebar');
  const {deskhand_host: host} = await client.iparams.get('deskhand_host');
  const service = new URL(host.includes('://') ? host : `https://${host}`).origin;
  const tell = (message) => frame.contentWindow.postMessage(message, service);

  /** A key that lives an hour. Freshworks' servers put the API key into the request. */
  async function sendToken() {
    const {loggedInUser} = await client.data.get('loggedInUser');
    const agent = (loggedInUser.contact?.name || loggedInUser.contact?.email || 'agent').replaceAll('/', ' ').slice(0, 50);
    const answer = await client.request.invokeTemplate('createSession', {body: JSON.stringify({agent, minutes: 60})});
    tell({type: 'deskhand:token', token: JSON.parse(answer.response).token});
  }

  async function sendTicket() {
    const {ticket} = await client.data.get('ticket');
    const answer = await client.request.invokeTemplate('readConversation', {context: {ticket_id: String(ticket.id)}});
    const later = JSON.parse(answer.response).filter((entry) => !entry.private);
    const messages = [
      {author: 'customer', text: ticket.description_text || ''},
      ...later.map((entry) => ({author: entry.incoming ? 'customer' : 'agent', text: entry.body_text || ''})),
    ];
    tell({type: 'deskhand:ticket', ticket: {id: String(ticket.id), subject: ticket.subject || '', messages}});
  }

  window.addEventListener('message', async (event) => {
    if (event.source !== frame.contentWindow || event.origin !== service) return;
    const {type, html} = event.data;
    if (type === 'deskhand:ready' || type === 'deskhand:token-needed') sendToken();
    if (type === 'deskhand:ready') sendTicket();
    if (type === 'deskhand:insert') {
      await client.interface.trigger('click', {id: 'reply'});
      await client.interface.trigger('setValue', {id: 'editor', text: html, replace: false, position: 'end'});
    }
  });

  client.events.on('app.activated', sendTicket);
  frame.src = `${service}/sidebar?bridge=freshworks`;
})();
