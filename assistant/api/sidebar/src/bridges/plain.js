/**
 * The bridge to any host by postMessage. Messages of the host, taken only from the framing window and an allowed origin:
 *
 *   {type: "deskhand:ticket", ticket}         the open ticket, as POST /v1/drafts takes it; null when none is open
 *   {type: "deskhand:token", token}           signs the agent in (from POST /v1/sidebar/sessions)
 *   {type: "deskhand:sent", text, run_id}     what was sent to the customer
 *
 * Messages to the host:
 *
 *   {type: "deskhand:ready"}                  the page listens
 *   {type: "deskhand:token-needed"}           the token is missing or over
 *   {type: "deskhand:insert", text, html, run_id}   put this into the composer
 */
export class PlainBridge {
  /** @param {{origins: string[], onTicket: Function, onToken: Function, onSent: Function}} given */
  constructor(given) {
    this._given = given;
    this._host = null;
    this._listen = (event) => this._received(event);
  }

  get insertsByCopy() {
    return false;
  }

  open() {
    window.addEventListener('message', this._listen);
    // To anyone: it says nothing, and the host's origin is not known before it answers.
    if (window.parent !== window) window.parent.postMessage({type: 'deskhand:ready'}, '*');
  }

  close() {
    window.removeEventListener('message', this._listen);
  }

  /** Whether there is a host to insert into. */
  get connected() {
    return this._host !== null;
  }

  insert(text, html, runId) {
    this._tell({type: 'deskhand:insert', text, html, run_id: runId});
  }

  needToken() {
    this._tell({type: 'deskhand:token-needed'});
  }

  _tell(message) {
    if (this._host) window.parent.postMessage(message, this._host);
  }

  _received(event) {
    if (event.source !== window.parent || !this._given.origins.includes(event.origin)) return;
    const {type, ...said} = typeof event.data === 'object' && event.data ? event.data : {};
    if (!String(type).startsWith('deskhand:')) return;
    this._host = event.origin;
    if (type === 'deskhand:ticket') this._given.onTicket(said.ticket);
    if (type === 'deskhand:token' && typeof said.token === 'string') this._given.onToken(said.token);
    if (type === 'deskhand:sent' && typeof said.text === 'string') this._given.onSent(said.text, said.run_id);
  }
}
