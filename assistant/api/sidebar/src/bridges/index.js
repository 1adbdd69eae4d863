/** Which bridge a host speaks. Zendesk's and Freshworks' apps translate to the plain one: deploy/helpdesks. */
import {ChatwootBridge} from './chatwoot.js';
import {PlainBridge} from './plain.js';

const KINDS = {plain: PlainBridge, zendesk: PlainBridge, freshworks: PlainBridge, chatwoot: ChatwootBridge};

/** @param {string} name of `?bridge=`; an unknown one is the plain one */
export const bridgeFor = (name, given) => new (Object.hasOwn(KINDS, name) ? KINDS[name] : PlainBridge)(given);
