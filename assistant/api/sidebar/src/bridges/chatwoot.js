/**
 * The bridge to a Chatwoot dashboard app. Chatwoot answers `fetch-info` with a JSON string and has no way to write into
 * its editor, so inserting means copying. What it says is no proof of who the agent is: signing in is by code.
 */
const INCOMING = 0;
const OUTGOING = 1;
const ASK = 'chatwoot-dashboard-app:fetch-info';

export class ChatwootBridge {
  constructor(given) {
    this._given = given;
    this._listen = (event) => this._received(event);
  }

  get insertsByCopy() {
    return true;
  }

  get connected() {
    return true;
  }

  open() {
    window.addEventListener('message', this._listen);
    window.parent.postMessage(ASK, '*');
  }

  close() {
    window.removeEventListener('message', this._listen);
  }

  insert() {}

  needToken() {}

  _received(event) {
    if (event.source !== window.parent || !this._given.origins.includes(event.origin)) return;
    if (typeof event.data !== 'string' || !event.data.startsWith('{')) return;
    let said;
    try {
      said = JSON.parse(event.data);
    } catch {
      return;
    }
    if (said.event === 'appContext') this._given.onTicket(ticketOf(said.data ?? {}));
  }
}

/** A conversation as a ticket: public messages of customer and agents, oldest first. */
export function ticketOf({conversation}) {
  if (!conversation) return null;
  const messages = (conversation.messages ?? [])
    .filter((message) => !message.private && message.content && [INCOMING, OUTGOING].includes(message.message_type))
    .sort((a, b) => (a.created_at ?? 0) - (b.created_at ?? 0))
    .map((message) => ({
      author: message.message_type === INCOMING ? 'customer' : 'agent',
      text: message.content,
      ...(message.created_at ? {at: new Date(message.created_at * 1000).toISOString()} : {}),
    }));
  return {
    id: String(conversation.id),
    subject: conversation.additional_attributes?.mail_subject ?? '',
    messages,
  };
}
