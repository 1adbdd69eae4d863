/** Server-sent events from a fetch body: EventSource can neither POST nor send a key. */

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => Error} cut makes the error for a stream that ends without `done` or `error`
 * @returns {AsyncGenerator<{name: string, data: any}>}
 */
export async function* events(body, cut) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let ended = false;
  try {
    for (;;) {
      let read;
      try {
        read = await reader.read();
      } catch (error) {
        throw error.name === 'AbortError' ? error : cut();
      }
      if (read.done) break;
      text += read.value.replace(/\r/g, '');
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const event = parse(text.slice(0, end));
        text = text.slice(end + 2);
        if (!event) continue;
        ended = event.name === 'done' || event.name === 'error';
        yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
  if (!ended) throw cut();
}

/** @param {string} block */
function parse(block) {
  let name = 'message';
  const data = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    else if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
  }
  return data.length ? {name, data: JSON.parse(data.join('\n'))} : null;
}
