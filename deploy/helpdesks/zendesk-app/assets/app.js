/* Between Zendesk's app framework and the sidebar's messages. */
'use strict';
(async () => {
  const client = ZAFClient.init();
  const frame = document.getElementById('sidebar');
  const {settings} = await client.metadata();
  const service = new URL(settings.deskhand_url).origin;
  const tell = (message) => frame.contentWindow.postMessage(message, service);
  let runId = '';

  /** A key that lives an hour. Zendesk's servers put the API key in, in place of the braces. */
  async function sendToken() {
    const {currentUser} = await client.get('currentUser');
    const session = await client.request({
      url: `${service}/v1/sidebar/sessions`,
      type: 'POST',
      secure: true,
      contentType: 'application/json',
      headers: {Authorization: 'Bearer {{setting.api_key}}'},
      data: JSON.stringify({agent: nameOf(currentUser), minutes: 60}),
    });
    tell({type: 'deskhand:token', token: session.token});
  }

  async function sendTicket() {
    const found = await client.get(['ticket.id', 'ticket.subject', 'ticket.requester', 'ticket.comments']);
    const requester = found['ticket.requester'];
    const messages = found['ticket.comments'].map((comment) => ({
      author: comment.author && requester && comment.author.id === requester.id ? 'customer' : 'agent',
      text: textOf(comment.value),
    }));
    const ticket = {id: String(found['ticket.id']), subject: found['ticket.subject'] || '', messages};
    tell({type: 'deskhand:ticket', ticket});
  }

  window.addEventListener('message', (event) => {
    if (event.source !== frame.contentWindow || event.origin !== service) return;
    const {type, text, run_id: run} = event.data;
    if (type === 'deskhand:ready' || type === 'deskhand:token-needed') sendToken();
    if (type === 'deskhand:ready') sendTicket();
    if (type === 'deskhand:insert') {
      runId = run || runId;
      client.invoke('ticket.comment.appendText', text);
    }
  });

  client.on('ticket.comments.changed', sendTicket);
  client.on('ticket.save', async () => {
    const {'ticket.comment': comment} = await client.get('ticket.comment');
    if (comment && comment.type === 'publicReply' && comment.text) tell({type: 'deskhand:sent', text: textOf(comment.text), run_id: runId});
    return true; // Never hold up the ticket.
  });
  client.invoke('resize', {height: '640px'});
  frame.src = `${service}/sidebar?bridge=zendesk`;

  function textOf(html) {
    return new DOMParser().parseFromString(html.replace(/<(br|\/p|\/div|\/li)\b[^>]*>/gi, '\n$&'), 'text/html').body.textContent.trim();
  }

  function nameOf(user) {
    return (user.name || user.email || 'agent').replaceAll('/', ' ').slice(0, 50);
  }
})();
