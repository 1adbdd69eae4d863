/** The one file that is shipped begins here. */
import {DeskhandSidebar} from './sidebar.js';

// The service's address: the script lies in its folder /sidebar/.
DeskhandSidebar.base = new URL('..', document.currentScript?.src ?? document.baseURI).href;
customElements.define('deskhand-sidebar', DeskhandSidebar);
