/*! deskhand-sidebar, sources sha256:1fde7371097c6b335ecdb8b9d4967c147deb2d0d3f9d01102f7bea1c7145ac0a; made by `make sidebar` */
(()=>{var K=globalThis,F=K.ShadowRoot&&(K.ShadyCSS===void 0||K.ShadyCSS.nativeShadow)&&"adoptedStyleSheets"in Document.prototype&&"replace"in CSSStyleSheet.prototype,nt=Symbol(),_t=new WeakMap,P=class{constructor(t,e,s){if(this._$cssResult$=!0,s!==nt)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=t,this.t=e}get styleSheet(){let t=this.o,e=this.t;if(F&&t===void 0){let s=e!==void 0&&e.length===1;s&&(t=_t.get(e)),t===void 0&&((this.o=t=new CSSStyleSheet).replaceSync(this.cssText),s&&_t.set(e,t))}return t}toString(){return this.cssText}},St=i=>new P(typeof i=="string"?i:i+"",void 0,nt),rt=(i,...t)=>{let e=i.length===1?i[0]:t.reduce((s,n,r)=>s+(a=>{if(a._$cssResult$===!0)return a.cssText;if(typeof a=="number")return a;throw Error("Value passed to 'css' function must be a 'css' function result: "+a+". Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.")})(n)+i[r+1],i[0]);return new P(e,i,nt)},At=(i,t)=>{if(F)i.adoptedStyleSheets=t.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let e of t){let s=document.createElement("style"),n=K.litNonce;n!==void 0&&s.setAttribute("nonce",n),s.textContent=e.cssText,i.appendChild(s)}},ot=F?i=>i:i=>i instanceof CSSStyleSheet?(t=>{let e="";for(let s of t.cssRules)e+=s.cssText;return St(e)})(i):i;var{is:xe,defineProperty:ye,getOwnPropertyDescriptor:ve,getOwnPropertyNames:we,getOwnPropertySymbols:ke,getPrototypeOf:_e}=Object,V=globalThis,Ct=V.trustedTypes,Se=Ct?Ct.emptyScript:"",Ae=V.reactiveElementPolyfillSupport,R=(i,t)=>i,at={toAttribute(i,t){switch(t){case Boolean:i=i?Se:null;break;case Object:case Array:i=i==null?i:JSON.stringify(i)}return i},fromAttribute(i,t){let e=i;switch(t){case Boolean:e=i!==null;break;case Number:e=i===null?null:Number(i);break;case Object:case Array:try{e=JSON.parse(i)}catch{e=null}}return e}},Ot=(i,t)=>!xe(i,t),Et={attribute:!0,type:String,converter:at,reflect:!1,useDefault:!1,hasChanged:Ot};Symbol.metadata??=Symbol("metadata"),V.litPropertyMetadata??=new WeakMap;var y=class extends HTMLElement{static addInitializer(t){this._$Ei(),(this.l??=[]).push(t)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(t,e=Et){if(e.state&&(e.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(t)&&((e=Object.create(e)).wrapped=!0),this.elementProperties.set(t,e),!e.noAccessor){let s=Symbol(),n=this.getPropertyDescriptor(t,s,e);n!==void 0&&ye(this.prototype,t,n)}}static getPropertyDescriptor(t,e,s){let{get:n,set:r}=ve(this.prototype,t)??{get(){return this[e]},set(a){this[e]=a}};return{get:n,set(a){let d=n?.call(this);r?.call(this,a),this.requestUpdate(t,d,s)},configurable:!0,enumerable:!0}}static getPropertyOptions(t){return this.elementProperties.get(t)??Et}static _$Ei(){if(this.hasOwnProperty(R("elementProperties")))return;let t=_e(this);t.finalize(),t.l!==void 0&&(this.l=[...t.l]),this.elementProperties=new Map(t.elementProperties)}static finalize(){if(this.hasOwnProperty(R("finalized")))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(R("properties"))){let e=this.properties,s=[...we(e),...ke(e)];for(let n of s)this.createProperty(n,e[n])}let t=this[Symbol.metadata];if(t!==null){let e=litPropertyMetadata.get(t);if(e!==void 0)for(let[s,n]of e)this.elementProperties.set(s,n)}this._$Eh=new Map;for(let[e,s]of this.elementProperties){let n=this._$Eu(e,s);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(t){let e=[];if(Array.isArray(t)){let s=new Set(t.flat(1/0).reverse());for(let n of s)e.unshift(ot(n))}else t!==void 0&&e.push(ot(t));return e}static _$Eu(t,e){let s=e.attribute;return s===!1?void 0:typeof s=="string"?s:typeof t=="string"?t.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(t=>this.enableUpdating=t),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(t=>t(this))}addController(t){(this._$EO??=new Set).add(t),this.renderRoot!==void 0&&this.isConnected&&t.hostConnected?.()}removeController(t){this._$EO?.delete(t)}_$E_(){let t=new Map,e=this.constructor.elementProperties;for(let s of e.keys())this.hasOwnProperty(s)&&(t.set(s,this[s]),delete this[s]);t.size>0&&(this._$Ep=t)}createRenderRoot(){let t=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return At(t,this.constructor.elementStyles),t}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(t=>t.hostConnected?.())}enableUpdating(t){}disconnectedCallback(){this._$EO?.forEach(t=>t.hostDisconnected?.())}attributeChangedCallback(t,e,s){this._$AK(t,s)}_$ET(t,e){let s=this.constructor.elementProperties.get(t),n=this.constructor._$Eu(t,s);if(n!==void 0&&s.reflect===!0){let r=(s.converter?.toAttribute!==void 0?s.converter:at).toAttribute(e,s.type);this._$Em=t,r==null?this.removeAttribute(n):this.setAttribute(n,r),this._$Em=null}}_$AK(t,e){let s=this.constructor,n=s._$Eh.get(t);if(n!==void 0&&this._$Em!==n){let r=s.getPropertyOptions(n),a=typeof r.converter=="function"?{fromAttribute:r.converter}:r.converter?.fromAttribute!==void 0?r.converter:at;this._$Em=n;let d=a.fromAttribute(e,r.type);this[n]=d??this._$Ej?.get(n)??d,this._$Em=null}}requestUpdate(t,e,s,n=!1,r){if(t!==void 0){let a=this.constructor;if(n===!1&&(r=this[t]),s??=a.getPropertyOptions(t),!((s.hasChanged??Ot)(r,e)||s.useDefault&&s.reflect&&r===this._$Ej?.get(t)&&!this.hasAttribute(a._$Eu(t,s))))return;this.C(t,e,s)}this.isUpdatePending===!1&&(this._$ES=this._$EP())}C(t,e,{useDefault:s,reflect:n,wrapped:r},a){s&&!(this._$Ej??=new Map).has(t)&&(this._$Ej.set(t,a??e??this[t]),r!==!0||a!==void 0)||(this._$AL.has(t)||(this.hasUpdated||s||(e=void 0),this._$AL.set(t,e)),n===!0&&this._$Em!==t&&(this._$Eq??=new Set).add(t))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let t=this.scheduleUpdate();return t!=null&&await t,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[n,r]of this._$Ep)this[n]=r;this._$Ep=void 0}let s=this.constructor.elementProperties;if(s.size>0)for(let[n,r]of s){let{wrapped:a}=r,d=this[n];a!==!0||this._$AL.has(n)||d===void 0||this.C(n,void 0,r,d)}}let t=!1,e=this._$AL;try{t=this.shouldUpdate(e),t?(this.willUpdate(e),this._$EO?.forEach(s=>s.hostUpdate?.()),this.update(e)):this._$EM()}catch(s){throw t=!1,this._$EM(),s}t&&this._$AE(e)}willUpdate(t){}_$AE(t){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(t)),this.updated(t)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(t){return!0}update(t){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(t){}firstUpdated(t){}};y.elementStyles=[],y.shadowRootOptions={mode:"open"},y[R("elementProperties")]=new Map,y[R("finalized")]=new Map,Ae?.({ReactiveElement:y}),(V.reactiveElementVersions??=[]).push("2.1.2");var ft=globalThis,Tt=i=>i,G=ft.trustedTypes,Mt=G?G.createPolicy("lit-html",{createHTML:i=>i}):void 0,Dt="$lit$",_=`lit$${Math.random().toFixed(9).slice(2)}$`,Ut="?"+_,Ce=`<${Ut}>`,E=document,j=()=>E.createComment(""),D=i=>i===null||typeof i!="object"&&typeof i!="function",gt=Array.isArray,Ee=i=>gt(i)||typeof i?.[Symbol.iterator]=="function",ct=`[ 	
\f\r]`,N=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,It=/-->/g,Pt=/>/g,A=RegExp(`>|${ct}(?:([^\\s"'>=/]+)(${ct}*=${ct}*(?:[^ 	
\f\r"'\`<>=]|("|')|))|$)`,"g"),Rt=/'/g,Nt=/"/g,Lt=/^(?:script|style|textarea|title)$/i,mt=i=>(t,...e)=>({_$litType$:i,strings:t,values:e}),o=mt(1),g=mt(2),ui=mt(3),v=Symbol.for("lit-noChange"),c=Symbol.for("lit-nothing"),jt=new WeakMap,C=E.createTreeWalker(E,129);function zt(i,t){if(!gt(i)||!i.hasOwnProperty("raw"))throw Error("invalid template strings array");return Mt!==void 0?Mt.createHTML(t):t}var Oe=(i,t)=>{let e=i.length-1,s=[],n,r=t===2?"<svg>":t===3?"<math>":"",a=N;for(let d=0;d<e;d++){let l=i[d],p,f,u=-1,b=0;for(;b<l.length&&(a.lastIndex=b,f=a.exec(l),f!==null);)b=a.lastIndex,a===N?f[1]==="!--"?a=It:f[1]!==void 0?a=Pt:f[2]!==void 0?(Lt.test(f[2])&&(n=RegExp("</"+f[2],"g")),a=A):f[3]!==void 0&&(a=A):a===A?f[0]===">"?(a=n??N,u=-1):f[1]===void 0?u=-2:(u=a.lastIndex-f[2].length,p=f[1],a=f[3]===void 0?A:f[3]==='"'?Nt:Rt):a===Nt||a===Rt?a=A:a===It||a===Pt?a=N:(a=A,n=void 0);let k=a===A&&i[d+1].startsWith("/>")?" ":"";r+=a===N?l+Ce:u>=0?(s.push(p),l.slice(0,u)+Dt+l.slice(u)+_+k):l+_+(u===-2?d:k)}return[zt(i,r+(i[e]||"<?>")+(t===2?"</svg>":t===3?"</math>":"")),s]},U=class i{constructor({strings:t,_$litType$:e},s){let n;this.parts=[];let r=0,a=0,d=t.length-1,l=this.parts,[p,f]=Oe(t,e);if(this.el=i.createElement(p,s),C.currentNode=this.el.content,e===2||e===3){let u=this.el.content.firstChild;u.replaceWith(...u.childNodes)}for(;(n=C.nextNode())!==null&&l.length<d;){if(n.nodeType===1){if(n.hasAttributes())for(let u of n.getAttributeNames())if(u.endsWith(Dt)){let b=f[a++],k=n.getAttribute(u).split(_),W=/([.?@])?(.*)/.exec(b);l.push({type:1,index:r,name:W[2],strings:k,ctor:W[1]==="."?lt:W[1]==="?"?ht:W[1]==="@"?pt:I}),n.removeAttribute(u)}else u.startsWith(_)&&(l.push({type:6,index:r}),n.removeAttribute(u));if(Lt.test(n.tagName)){let u=n.textContent.split(_),b=u.length-1;if(b>0){n.textContent=G?G.emptyScript:"";for(let k=0;k<b;k++)n.append(u[k],j()),C.nextNode(),l.push({type:2,index:++r});n.append(u[b],j())}}}else if(n.nodeType===8)if(n.data===Ut)l.push({type:2,index:r});else{let u=-1;for(;(u=n.data.indexOf(_,u+1))!==-1;)l.push({type:7,index:r}),u+=_.length-1}r++}}static createElement(t,e){let s=E.createElement("template");return s.innerHTML=t,s}};function M(i,t,e=i,s){if(t===v)return t;let n=s!==void 0?e._$Co?.[s]:e._$Cl,r=D(t)?void 0:t._$litDirective$;return n?.constructor!==r&&(n?._$AO?.(!1),r===void 0?n=void 0:(n=new r(i),n._$AT(i,e,s)),s!==void 0?(e._$Co??=[])[s]=n:e._$Cl=n),n!==void 0&&(t=M(i,n._$AS(i,t.values),n,s)),t}var dt=class{constructor(t,e){this._$AV=[],this._$AN=void 0,this._$AD=t,this._$AM=e}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(t){let{el:{content:e},parts:s}=this._$AD,n=(t?.creationScope??E).importNode(e,!0);C.currentNode=n;let r=C.nextNode(),a=0,d=0,l=s[0];for(;l!==void 0;){if(a===l.index){let p;l.type===2?p=new L(r,r.nextSibling,this,t):l.type===1?p=new l.ctor(r,l.name,l.strings,this,t):l.type===6&&(p=new ut(r,this,t)),this._$AV.push(p),l=s[++d]}a!==l?.index&&(r=C.nextNode(),a++)}return C.currentNode=E,n}p(t){let e=0;for(let s of this._$AV)s!==void 0&&(s.strings!==void 0?(s._$AI(t,s,e),e+=s.strings.length-2):s._$AI(t[e])),e++}},L=class i{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(t,e,s,n){this.type=2,this._$AH=c,this._$AN=void 0,this._$AA=t,this._$AB=e,this._$AM=s,this.options=n,this._$Cv=n?.isConnected??!0}get parentNode(){let t=this._$AA.parentNode,e=this._$AM;return e!==void 0&&t?.nodeType===11&&(t=e.parentNode),t}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(t,e=this){t=M(this,t,e),D(t)?t===c||t==null||t===""?(this._$AH!==c&&this._$AR(),this._$AH=c):t!==this._$AH&&t!==v&&this._(t):t._$litType$!==void 0?this.$(t):t.nodeType!==void 0?this.T(t):Ee(t)?this.k(t):this._(t)}O(t){return this._$AA.parentNode.insertBefore(t,this._$AB)}T(t){this._$AH!==t&&(this._$AR(),this._$AH=this.O(t))}_(t){this._$AH!==c&&D(this._$AH)?this._$AA.nextSibling.data=t:this.T(E.createTextNode(t)),this._$AH=t}$(t){let{values:e,_$litType$:s}=t,n=typeof s=="number"?this._$AC(t):(s.el===void 0&&(s.el=U.createElement(zt(s.h,s.h[0]),this.options)),s);if(this._$AH?._$AD===n)this._$AH.p(e);else{let r=new dt(n,this),a=r.u(this.options);r.p(e),this.T(a),this._$AH=r}}_$AC(t){let e=jt.get(t.strings);return e===void 0&&jt.set(t.strings,e=new U(t)),e}k(t){gt(this._$AH)||(this._$AH=[],this._$AR());let e=this._$AH,s,n=0;for(let r of t)n===e.length?e.push(s=new i(this.O(j()),this.O(j()),this,this.options)):s=e[n],s._$AI(r),n++;n<e.length&&(this._$AR(s&&s._$AB.nextSibling,n),e.length=n)}_$AR(t=this._$AA.nextSibling,e){for(this._$AP?.(!1,!0,e);t!==this._$AB;){let s=Tt(t).nextSibling;Tt(t).remove(),t=s}}setConnected(t){this._$AM===void 0&&(this._$Cv=t,this._$AP?.(t))}},I=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(t,e,s,n,r){this.type=1,this._$AH=c,this._$AN=void 0,this.element=t,this.name=e,this._$AM=n,this.options=r,s.length>2||s[0]!==""||s[1]!==""?(this._$AH=Array(s.length-1).fill(new String),this.strings=s):this._$AH=c}_$AI(t,e=this,s,n){let r=this.strings,a=!1;if(r===void 0)t=M(this,t,e,0),a=!D(t)||t!==this._$AH&&t!==v,a&&(this._$AH=t);else{let d=t,l,p;for(t=r[0],l=0;l<r.length-1;l++)p=M(this,d[s+l],e,l),p===v&&(p=this._$AH[l]),a||=!D(p)||p!==this._$AH[l],p===c?t=c:t!==c&&(t+=(p??"")+r[l+1]),this._$AH[l]=p}a&&!n&&this.j(t)}j(t){t===c?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,t??"")}},lt=class extends I{constructor(){super(...arguments),this.type=3}j(t){this.element[this.name]=t===c?void 0:t}},ht=class extends I{constructor(){super(...arguments),this.type=4}j(t){this.element.toggleAttribute(this.name,!!t&&t!==c)}},pt=class extends I{constructor(t,e,s,n,r){super(t,e,s,n,r),this.type=5}_$AI(t,e=this){if((t=M(this,t,e,0)??c)===v)return;let s=this._$AH,n=t===c&&s!==c||t.capture!==s.capture||t.once!==s.once||t.passive!==s.passive,r=t!==c&&(s===c||n);n&&this.element.removeEventListener(this.name,this,s),r&&this.element.addEventListener(this.name,this,t),this._$AH=t}handleEvent(t){typeof this._$AH=="function"?this._$AH.call(this.options?.host??this.element,t):this._$AH.handleEvent(t)}},ut=class{constructor(t,e,s){this.element=t,this.type=6,this._$AN=void 0,this._$AM=e,this.options=s}get _$AU(){return this._$AM._$AU}_$AI(t){M(this,t)}};var Te=ft.litHtmlPolyfillSupport;Te?.(U,L),(ft.litHtmlVersions??=[]).push("3.3.3");var Bt=(i,t,e)=>{let s=e?.renderBefore??t,n=s._$litPart$;if(n===void 0){let r=e?.renderBefore??null;s._$litPart$=n=new L(t.insertBefore(j(),r),r,void 0,e??{})}return n._$AI(i),n};var bt=globalThis,S=class extends y{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let t=super.createRenderRoot();return this.renderOptions.renderBefore??=t.firstChild,t}update(t){let e=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(t),this._$Do=Bt(e,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return v}};S._$litElement$=!0,S.finalized=!0,bt.litElementHydrateSupport?.({LitElement:S});var Me=bt.litElementPolyfillSupport;Me?.({LitElement:S});(bt.litElementVersions??=[]).push("4.2.2");async function*Ht(i,t){let e=i.pipeThrough(new TextDecoderStream).getReader(),s="",n=!1;try{for(;;){let r;try{r=await e.read()}catch(a){throw a.name==="AbortError"?a:t()}if(r.done)break;s+=r.value.replace(/\r/g,"");for(let a=s.indexOf(`

`);a>=0;a=s.indexOf(`

`)){let d=Ie(s.slice(0,a));s=s.slice(a+2),d&&(n=d.name==="done"||d.name==="error",yield d)}}}finally{e.cancel().catch(()=>{})}if(!n)throw t()}function Ie(i){let t="message",e=[];for(let s of i.split(`
`))s.startsWith("event:")?t=s.slice(6).trim():s.startsWith("data:")&&e.push(s.slice(5).replace(/^ /,""));return e.length?{name:t,data:JSON.parse(e.join(`
`))}:null}var w=class i extends Error{constructor({title:t,detail:e,fix:s="",status:n=0,retryAfter:r=0,offline:a=!1}){super(e),Object.assign(this,{title:t,detail:e,fix:s,status:n,retryAfter:r,offline:a})}static offline(){return new i({title:"Deskhand cannot be reached",detail:navigator.onLine?"The service does not answer.":"This computer is offline.",fix:"Nothing you wrote is lost. Try again when the connection is back.",offline:!0})}static cut(){return new i({title:"The connection broke",detail:"The draft stopped before it was finished, so it was not checked as a whole.",fix:"Try again.",offline:!0})}static async of(t){let e=Number(t.headers.get("Retry-After"))||0,s={};try{s=await t.json()}catch{}return new i({title:e?"Deskhand is busy":Pe[t.status]??"Deskhand has a problem",detail:Re(s.detail||"It gave no reason"),fix:s.fix||"",status:t.status,retryAfter:e})}},Pe={401:"Not signed in",403:"Not allowed",404:"Not there",413:"Too large",422:"Deskhand cannot take this"},Re=i=>(/[.!?]$/.test(i)?i:`${i}.`).replace(/^[a-z](?![\w.]*:)/,t=>t.toUpperCase()),J=class{constructor(t,e){this._base=t,this._token=e}session(){return this._json("GET","v1/sidebar/session")}end(){return this._fetch("DELETE","v1/sidebar/session",void 0,{Accept:"application/json"})}redeem(t){return this._json("POST","v1/sidebar/tokens",{code:t})}summary(t){return this._json("POST","v1/summaries",t)}search(t,e){return this._json("GET",`v1/search?${new URLSearchParams({q:t,audience:e,limit:"8",html:"true"})}`)}feedback(t){return this._json("POST","v1/feedback",t)}async*draft(t,e,s){let n=new URLSearchParams({html:"true",audience:e.audience||"public"});e.tone&&n.set("tone",e.tone),e.language&&n.set("language",e.language);let r=await this._fetch("POST",`v1/drafts?${n}`,t,{Accept:"text/event-stream"},s);yield*Ht(r.body,w.cut)}async _json(t,e,s){return(await this._fetch(t,e,s,{Accept:"application/json"})).json()}async _fetch(t,e,s,n,r){let a=this._token(),d;try{d=await fetch(new URL(e,this._base),{method:t,signal:r,body:s===void 0?void 0:JSON.stringify(s),headers:{...n,...s===void 0?{}:{"Content-Type":"application/json"},...a?{Authorization:`Bearer ${a}`}:{}},credentials:"omit",referrerPolicy:"no-referrer"})}catch(l){throw r?.aborted?l:w.offline()}if(!d.ok)throw await w.of(d);return d}};var qt=i=>Object.freeze({phase:"searching",passages:[],sentences:[],tier:null,notes:[],reply:null,problem:null,wish:i});function Wt(i,{name:t,data:e}){switch(t){case"evidence":return{...i,phase:"writing",passages:e.passages};case"sentence":{let{index:s,...n}=e;return{...i,tier:e.tier,sentences:[...i.sentences.slice(0,s),n]}}case"decision":return e.decision==="try"?Ne(i,e.tier):i;case"done":return je(i,e);default:return i}}var $t=i=>({...i,phase:"stopped"}),Kt=(i,t)=>({...i,phase:"failed",problem:t}),$=i=>i?.phase==="searching"||i?.phase==="writing",x=i=>i?.reply?.draft??i?.reply?.handoff?.draft??null;function Ne(i,t){let e=i.tier&&i.tier!==t?[`The ${i.tier} model’s draft did not hold. The ${t} model writes now.`]:[];return{...i,tier:t,sentences:[],notes:[...i.notes,...e]}}function je(i,t){let e=t.draft??t.handoff?.draft,s=t.handoff?.passages.length?t.handoff.passages:i.passages;return{...i,phase:"done",reply:t,passages:s,sentences:e?.sentences??[],tier:t.tier??i.tier}}function Ft(i){let t=new Map;for(let s of i.sentences)for(let{n,passage_id:r,quote:a}of s.citations){let d=t.get(r)??{n,quotes:[]};a&&!d.quotes.includes(a)&&d.quotes.push(a),t.set(r,d)}let e=i.passages.map(s=>({passage:s,n:null,quotes:[],...t.get(s.passage_id)}));return{cited:e.filter(s=>s.n!==null).sort((s,n)=>s.n-n.n),others:e.filter(s=>s.n===null)}}function xt(i){let t=i.flatMap(e=>e.citations).filter(e=>e.audience==="internal");return[...new Set(t.map(e=>e.title))]}var Q=class{constructor(t){this._panel=t}async insert(t,e,s,n){if(!await this._allowed(s,this._panel.insertsByCopy?"Copy":"Insert"))return;let r=this._panel._host;if(r.insertsByCopy){await this._copied(t,"Copied. Paste it into the reply box.");return}r.insert(t,e,n);let a={text:t,html:e,run_id:n};this._panel.dispatchEvent(new CustomEvent("deskhand-insert",{detail:a,bubbles:!0,composed:!0})),this._panel._show("Inserted into the reply.")}async copy(t,e){await this._allowed(e,"Copy")&&await this._copied(t,"Copied.")}_allowed(t,e){return t.length?new Promise(s=>{this._panel.confirming={titles:t,verb:e,answer:s}}):Promise.resolve(!0)}async _copied(t,e){this._panel._show(await De(t)?e:"The browser does not allow copying here. Select the text and copy it by hand.")}};async function De(i){try{return await navigator.clipboard.writeText(i),!0}catch{let t=document.createElement("textarea");t.value=i,document.body.append(t),t.select();let e=document.execCommand("copy");return t.remove(),e}}var Ue="chatwoot-dashboard-app:fetch-info",Y=class{constructor(t){this._given=t,this._listen=e=>this._received(e)}get insertsByCopy(){return!0}get connected(){return!0}open(){window.addEventListener("message",this._listen),window.parent.postMessage(Ue,"*")}close(){window.removeEventListener("message",this._listen)}insert(){}needToken(){}_received(t){if(t.source!==window.parent||!this._given.origins.includes(t.origin)||typeof t.data!="string"||!t.data.startsWith("{"))return;let e;try{e=JSON.parse(t.data)}catch{return}e.event==="appContext"&&this._given.onTicket(Le(e.data??{}))}};function Le({conversation:i}){if(!i)return null;let t=(i.messages??[]).filter(e=>!e.private&&e.content&&[0,1].includes(e.message_type)).sort((e,s)=>(e.created_at??0)-(s.created_at??0)).map(e=>({author:e.message_type===0?"customer":"agent",text:e.content,...e.created_at?{at:new Date(e.created_at*1e3).toISOString()}:{}}));return{id:String(i.id),subject:i.additional_attributes?.mail_subject??"",messages:t}}var O=class{constructor(t){this._given=t,this._host=null,this._listen=e=>this._received(e)}get insertsByCopy(){return!1}open(){window.addEventListener("message",this._listen),window.parent!==window&&window.parent.postMessage({type:"deskhand:ready"},"*")}close(){window.removeEventListener("message",this._listen)}get connected(){return this._host!==null}insert(t,e,s){this._tell({type:"deskhand:insert",text:t,html:e,run_id:s})}needToken(){this._tell({type:"deskhand:token-needed"})}_tell(t){this._host&&window.parent.postMessage(t,this._host)}_received(t){if(t.source!==window.parent||!this._given.origins.includes(t.origin))return;let{type:e,...s}=typeof t.data=="object"&&t.data?t.data:{};String(e).startsWith("deskhand:")&&(this._host=t.origin,e==="deskhand:ticket"&&this._given.onTicket(s.ticket),e==="deskhand:token"&&typeof s.token=="string"&&this._given.onToken(s.token),e==="deskhand:sent"&&typeof s.text=="string"&&this._given.onSent(s.text,s.run_id))}};var Vt={plain:O,zendesk:O,freshworks:O,chatwoot:Y},Gt=(i,t)=>new(Object.hasOwn(Vt,i)?Vt[i]:O)(t);var yt="deskhand-token",ze=15e3,X=class{constructor(t){this._panel=t,this._bridge=null,this._asked=0}open(){let t=new URLSearchParams(location.search),e=document.querySelector('meta[name="deskhand-origins"]')?.content.split(" ").filter(Boolean)??[],s=this._panel;s.auto||=t.get("auto")==="1",this._bridge=Gt(t.get("bridge")??"",{origins:[location.origin,...e],onTicket:n=>s.ticket=n,onToken:n=>this.keepToken(n),onSent:(n,r)=>s.sent(n,r)}),s.token=Be(),this._bridge.open()}close(){this._bridge?.close()}get insertsByCopy(){return this._bridge?.insertsByCopy??!1}insert(t,e,s){this._bridge?.insert(t,e,s)}needToken(){Date.now()-this._asked<ze||(this._asked=Date.now(),this._bridge?.needToken())}keepToken(t){this._bridge&&He(t),this._panel.token=t}};function Be(){try{return sessionStorage.getItem(yt)??""}catch{return""}}function He(i){try{i?sessionStorage.setItem(yt,i):sessionStorage.removeItem(yt)}catch{}}var Jt=rt`
  :host {
    --bg: #f4f6f7; --card: #ffffff; --ink: #17212a; --soft: #55616d; --line: #dce1e6; --edge: #84909b;
    --accent: #0a6559; --on-accent: #ffffff; --accent-soft: #e2f1ee; --accent-ink: #0a5a50;
    --note: #e9eef4; --note-ink: #2f4358; --internal: #fdeecb; --internal-ink: #6a4300; --internal-edge: #c28a1f;
    --bad: #fdecea; --bad-ink: #96231b; --good: #e2f3e6; --good-ink: #1c5f31; --mark: #fff0b3; --mark-on: #ffd95c;
    --shadow: 0 1px 2px rgb(23 33 42 / 7%);
    display: block; box-sizing: border-box; min-height: 100%; background: var(--bg); color: var(--ink);
    font: 400 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
    overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; color-scheme: light dark; container-type: inline-size;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --bg: #12171b; --card: #1a2126; --ink: #e6ebef; --soft: #a3afba; --line: #2b343b; --edge: #6d7a86;
      --accent: #57c7b3; --on-accent: #04211c; --accent-soft: #15322e; --accent-ink: #7fdccb;
      --note: #222d37; --note-ink: #bccbd9; --internal: #3a2c0c; --internal-ink: #ffd98c; --internal-edge: #a8781c;
      --bad: #3b1d1b; --bad-ink: #ffb4ab; --good: #17301f; --good-ink: #96dba9; --mark: #4b4013; --mark-on: #74611a;
      --shadow: none;
    }
  }
  *, *::before, *::after { box-sizing: border-box; }
  [hidden] { display: none !important; }
  h1, h2, h3, h4, h5, h6, p, ul, ol, dl, dd, figure, blockquote, fieldset { margin: 0; padding: 0; }
  fieldset { border: 0; min-width: 0; }
  a { color: var(--accent-ink); text-underline-offset: 2px; }
  .icon { width: 16px; height: 16px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.4; stroke-linecap: round; stroke-linejoin: round; }
  .hush { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .soft { color: var(--soft); }
  .small { font-size: 12.5px; }
  .stack > * + * { margin-top: 10px; }
  .row { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
  .spread { display: flex; gap: 8px; align-items: center; justify-content: space-between; }

  /* Focus is always seen, and never only by colour. */
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
  [tabindex="-1"]:focus-visible { outline-style: dotted; }

  button, select, input, textarea { font: inherit; color: inherit; }
  button { display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-height: 32px; padding: 4px 11px;
    border: 1px solid var(--edge); border-radius: 8px; background: var(--card); cursor: pointer; text-align: start; overflow-wrap: normal; }
  button:hover { background: var(--accent-soft); border-color: var(--accent); }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
  button.main:hover { filter: brightness(1.08); }
  button.wide { width: 100%; min-height: 38px; }
  button.bare { border-color: transparent; background: none; padding: 4px 7px; }
  button.bare:hover { background: var(--accent-soft); }
  button.link { border: 0; padding: 0; min-height: 24px; background: none; color: var(--accent-ink); text-decoration: underline; text-underline-offset: 2px; }
  button[aria-pressed="true"] { background: var(--accent-soft); border-color: var(--accent); color: var(--accent-ink); }
  button[disabled] { cursor: default; opacity: .55; }
  select, input[type="text"], input[type="search"], textarea { width: 100%; min-height: 34px; padding: 6px 9px; border: 1px solid var(--edge); border-radius: 8px; background: var(--card); }
  select.inline { width: auto; min-height: 32px; padding: 3px 6px; max-width: 100%; }
  textarea { display: block; resize: vertical; min-height: 150px; max-height: 60vh; line-height: 1.55; field-sizing: content; }
  label.field { display: block; }
  label.field > span { display: block; margin-bottom: 4px; font-weight: 600; }
  label.check { display: flex; gap: 8px; align-items: flex-start; }
  input[type="checkbox"], input[type="radio"] { width: 16px; height: 16px; margin: 2px 0 0; accent-color: var(--accent); flex: none; }

  .top { position: sticky; top: 0; z-index: 3; display: flex; align-items: center; gap: 8px; padding: 8px 12px 0; background: var(--card); border-bottom: 1px solid var(--line); }
  .brand { display: flex; align-items: center; gap: 7px; font-weight: 700; font-size: 14px; letter-spacing: -.01em; padding-bottom: 8px; }
  .logo { width: 20px; height: 20px; }
  .logo rect { fill: var(--accent); }
  .logo path { stroke: var(--on-accent); stroke-width: 1.7; stroke-linecap: round; fill: none; }
  .logo circle { fill: var(--on-accent); }
  .tabs { display: flex; gap: 2px; margin-inline-start: auto; }
  .tabs button { border: 0; border-bottom: 2px solid transparent; border-radius: 6px 6px 0 0; background: none; min-height: 36px; padding: 4px 10px 6px; color: var(--soft); font-weight: 600; font-size: 13.5px; }
  .tabs button[aria-selected="true"] { color: var(--ink); border-bottom-color: var(--accent); }
  main { padding: 12px; max-width: 640px; margin-inline: auto; }
  main, [role="tabpanel"] { display: grid; grid-template-columns: minmax(0, 1fr); gap: 12px; }

  .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); padding: 12px; }
  .ticket h2 { font-size: 15px; line-height: 1.35; font-weight: 650; }
  .ticket .meta { margin-top: 2px; }
  .ticket .asked { margin-top: 7px; padding-inline-start: 9px; border-inline-start: 2px solid var(--line); font-size: 13px; color: var(--soft); display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; white-space: pre-line; }
  h2 { font-size: 13px; font-weight: 650; }
  .chip { display: inline-flex; align-items: center; gap: 4px; padding: 1px 8px; border-radius: 99px; background: var(--note); color: var(--note-ink); font-size: 12px; font-weight: 600; white-space: nowrap; }
  .chip.internal, .chip.outdated, .band.internal { background: var(--internal); color: var(--internal-ink); }
  .chip.internal .icon { width: 12px; height: 12px; }
  .chip.live::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: currentColor; animation: pulse 1.2s ease-in-out infinite; }

  .band { display: flex; gap: 9px; padding: 9px 11px; border-radius: 9px; background: var(--note); color: var(--note-ink); font-size: 13px; line-height: 1.45; }
  .band .icon { margin-top: 2px; }
  .band strong { display: block; font-weight: 650; }
  .band.bad { background: var(--bad); color: var(--bad-ink); }
  .band.good, .band.high { background: var(--good); color: var(--good-ink); }
  .band.warn, .band.low, .band.fair { background: var(--internal); color: var(--internal-ink); }
  .band ul { padding-inline-start: 16px; }
  .band li + li { margin-top: 2px; }
  .band button { margin-top: 7px; color: var(--ink); }

  .draft { font-size: 14.5px; line-height: 1.62; }
  .draft p + p, .draft p + ol, .draft p + ul, .draft ol + p, .draft ul + p { margin-top: 8px; }
  .draft ol, .draft ul { padding-inline-start: 22px; }
  .draft li + li { margin-top: 4px; }
  .draft code, .passage code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .92em; background: var(--note); padding: 0 3px; border-radius: 4px; }
  .sentence { border-radius: 4px; transition: background-color .15s; }
  .sentence.active { background: var(--mark); box-shadow: 0 0 0 2px var(--mark); }
  .sentence.unchecked { text-decoration: underline dotted var(--internal-edge); text-underline-offset: 4px; }
  .sentence.fresh { animation: appear .35s ease-out; }
  button.cite { min-height: 24px; min-width: 24px; padding: 0 5px; margin: 0 1px; border: 1px solid var(--line); border-radius: 7px; background: var(--accent-soft); color: var(--accent-ink); font-size: 12px; font-weight: 700; line-height: 1; vertical-align: baseline; gap: 2px; }
  button.cite:hover, button.cite[aria-expanded="true"] { border-color: var(--accent); }
  button.cite.internal { background: var(--internal); color: var(--internal-ink); border-color: var(--internal-edge); }
  button.cite .icon { width: 11px; height: 11px; }
  .writing { display: inline-flex; gap: 4px; vertical-align: middle; padding: 4px 2px; }
  .writing i { width: 6px; height: 6px; border-radius: 50%; background: var(--accent); animation: pulse 1.2s ease-in-out infinite; }
  .writing i:nth-child(2) { animation-delay: .15s; }
  .writing i:nth-child(3) { animation-delay: .3s; }
  .skeleton { display: grid; gap: 8px; }
  .skeleton i { height: 11px; border-radius: 6px; background: var(--note); animation: pulse 1.4s ease-in-out infinite; }
  .skeleton i:nth-child(2) { width: 92%; } .skeleton i:nth-child(3) { width: 64%; }
  .divide { border: 0; border-top: 1px solid var(--line); margin-block: 12px 0; }
  .actions { display: grid; grid-template-columns: 1fr auto auto; gap: 6px; }
  .actions button { min-height: 36px; }
  .again { gap: 4px 6px; }
  .again > span { font-size: 12.5px; color: var(--soft); }
  .again button, .again select { font-size: 13px; min-height: 30px; padding: 2px 9px; }
  .thumbs button { min-width: 34px; padding: 4px 7px; }

  .sources { display: grid; gap: 8px; list-style: none; }
  .source { background: var(--card); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
  .source.internal { border-color: var(--internal-edge); border-inline-start-width: 4px; }
  .source.active { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
  .source > h3 { font-size: 13.5px; }
  .source > h3 > button { width: 100%; display: grid; grid-template-columns: auto 1fr auto; gap: 9px; align-items: start; padding: 9px 10px; border: 0; border-radius: 9px; background: none; font-weight: 600; line-height: 1.35; }
  .source > h3 > button:focus-visible { outline-offset: -3px; }
  .source > h3 > button .icon { margin-top: 1px; transition: transform .15s; }
  .source > h3 > button[aria-expanded="true"] > .icon { transform: rotate(180deg); }
  .source .where { display: block; font-weight: 400; font-size: 12.5px; color: var(--soft); }
  .number { min-width: 22px; height: 22px; padding-inline: 4px; display: inline-grid; place-items: center; border-radius: 7px; background: var(--accent-soft); color: var(--accent-ink); font-size: 12px; font-weight: 700; }
  .source.internal .number { background: var(--internal); color: var(--internal-ink); }
  .number.none { background: none; color: var(--soft); }
  .quote { margin: 0 12px 10px 41px; padding-inline-start: 9px; border-inline-start: 2px solid var(--line); color: var(--soft); font-size: 13px; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
  .passage { padding: 2px 12px 12px; font-size: 13.5px; }
  .passage > .text > * + * { margin-top: 7px; }
  .passage ul, .passage ol { padding-inline-start: 20px; }
  .passage pre { overflow-x: auto; background: var(--note); padding: 8px; border-radius: 8px; }
  .passage h3, .passage h4, .passage h5, .passage h6 { font-size: 13.5px; }
  .passage table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 12.5px; }
  .passage th, .passage td { border: 1px solid var(--line); padding: 3px 7px; text-align: start; }
  .passage blockquote { border-inline-start: 3px solid var(--mark-on); padding-inline-start: 9px; }
  .passage .row { margin-top: 9px; }
  mark { background: var(--mark); color: var(--ink); border-radius: 3px; padding-block: 1px; }
  mark.active { background: var(--mark-on); box-shadow: 0 1px 0 var(--internal-edge); }

  details > summary { cursor: pointer; border-radius: 6px; padding: 3px 0; font-weight: 600; font-size: 13px; list-style: none; display: flex; align-items: center; gap: 6px; }
  details > summary::-webkit-details-marker { display: none; }
  details > summary > .icon { transition: transform .15s; color: var(--soft); }
  details[open] > summary > .icon { transform: rotate(180deg); }
  details > .inside { padding-top: 8px; }
  dl.facts { display: grid; gap: 8px; }
  dl.facts dt { font-size: 12px; font-weight: 650; color: var(--soft); }
  dl.facts ul { padding-inline-start: 17px; }
  .keys { display: grid; grid-template-columns: auto 1fr; gap: 5px 12px; font-size: 13px; align-items: baseline; }
  kbd { font: 600 11.5px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; padding: 1px 6px; border: 1px solid var(--edge); border-bottom-width: 2px; border-radius: 5px; background: var(--card); white-space: nowrap; }
  .reasons { display: grid; gap: 7px; margin-top: 6px; }
  .empty { text-align: center; padding: 26px 14px; color: var(--soft); }
  .empty .logo { width: 34px; height: 34px; margin-bottom: 8px; }
  .empty h2 { color: var(--ink); font-size: 15px; margin-bottom: 4px; }
  form.search { display: grid; grid-template-columns: 1fr auto; gap: 6px; }
  footer { padding: 4px 12px 18px; max-width: 640px; margin-inline: auto; }
  footer .who { margin-top: 8px; font-size: 12.5px; color: var(--soft); }
  dialog { width: min(420px, calc(100vw - 24px)); padding: 16px; border: 1px solid var(--line); border-radius: 14px; background: var(--card); color: var(--ink); box-shadow: 0 18px 50px rgb(0 0 0 / 30%); }
  dialog::backdrop { background: rgb(10 16 20 / 50%); }
  dialog h2 { font-size: 15px; display: flex; gap: 8px; align-items: center; }
  dialog h2 .icon { color: var(--internal-ink); }
  dialog .stack { margin-top: 10px; }
  dialog ul { padding-inline-start: 18px; }
  dialog .row { justify-content: flex-end; margin-top: 14px; }

  .toast { position: fixed; inset-inline: 12px; bottom: 12px; z-index: 5; width: fit-content; max-width: calc(100% - 24px); margin-inline: auto; padding: 8px 14px; border-radius: 10px; background: var(--ink); color: var(--card); font-size: 13px; box-shadow: 0 6px 24px rgb(0 0 0 / 25%); }

  @container (max-width: 360px) {
    .actions { grid-template-columns: 1fr 1fr; }
    .actions .main { grid-column: 1 / -1; }
  }
  @keyframes pulse { 50% { opacity: .35; } }
  @keyframes appear { from { opacity: 0; background-color: var(--accent-soft); } }
  @media (prefers-reduced-motion: reduce) {
    *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; }
  }
  @media (forced-colors: active) {
    mark { background: Mark; color: MarkText; }
    .chip, .band, button.cite, .number { border: 1px solid; }
  }
`;var Qt={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},Yt=i=>(...t)=>({_$litDirective$:i,values:t}),Z=class{constructor(t){}get _$AU(){return this._$AM._$AU}_$AT(t,e,s){this._$Ct=t,this._$AM=e,this._$Ci=s}_$AS(t,e){return this.update(t,e)}update(t,e){return this.render(...e)}};var z=class extends Z{constructor(t){if(super(t),this.it=c,t.type!==Qt.CHILD)throw Error(this.constructor.directiveName+"() can only be used in child bindings")}render(t){if(t===c||t==null)return this._t=void 0,this.it=t;if(t===v)return t;if(typeof t!="string")throw Error(this.constructor.directiveName+"() called with a non-string value");if(t===this.it)return this._t;this.it=t;let e=[t];return e.raw=e,this._t={_$litType$:this.constructor.resultType,strings:e,values:[]}}};z.directiveName="unsafeHTML",z.resultType=1;var tt=Yt(z);var m=i=>o`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${i}</svg>`,h={logo:o`<svg class="logo" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
    <rect x="1" y="1" width="18" height="18" rx="5"></rect>
    <path d="M6 7.2h8M6 10.4h5.4"></path>
    <circle cx="13.6" cy="13.4" r="1.6"></circle>
  </svg>`,write:m(g`<path d="M3 13l.6-2.6L11 3l2 2-7.4 7.4L3 13z"></path>`),stop:m(g`<rect x="4" y="4" width="8" height="8" rx="1.5"></rect>`),insert:m(g`<path d="M2.5 8h8M7.5 4.8L10.8 8l-3.3 3.2M13.5 3v10"></path>`),copy:m(g`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"></rect><path d="M10.5 5.5v-2a1 1 0 00-1-1h-6a1 1 0 00-1 1v6a1 1 0 001 1h2"></path>`),discard:m(g`<path d="M3.5 4.5h9M6.5 4.5V3h3v1.5M5 4.5l.5 8.5h5l.5-8.5"></path>`),up:m(g`<path d="M5 7.2L7.6 2.8c.9 0 1.5.6 1.4 1.5L8.7 6.4h3.4c.9 0 1.5.8 1.3 1.6l-.9 4c-.2.7-.7 1.1-1.4 1.1H5M5 7.2V13H2.6V7.2H5z"></path>`),down:m(g`<path d="M11 8.8l-2.6 4.4c-.9 0-1.5-.6-1.4-1.5l.3-2.1H3.9c-.9 0-1.5-.8-1.3-1.6l.9-4c.2-.7.7-1.1 1.4-1.1H11M11 8.8V3h2.4v5.8H11z"></path>`),lock:m(g`<rect x="3.5" y="7" width="9" height="6.5" rx="1.5"></rect><path d="M5.5 7V5a2.5 2.5 0 015 0v2"></path>`),warn:m(g`<path d="M8 2.5l6 10.8H2L8 2.5zM8 6.6v3.2M8 11.6v.2"></path>`),info:m(g`<circle cx="8" cy="8" r="6"></circle><path d="M8 7.3v3.6M8 5v.2"></path>`),person:m(g`<circle cx="8" cy="5.2" r="2.6"></circle><path d="M2.8 13.5c.5-2.7 2.5-4.1 5.2-4.1s4.7 1.4 5.2 4.1"></path>`),ask:m(g`<path d="M5.6 6a2.4 2.4 0 114 1.8c-.9.7-1.6 1.2-1.6 2.2M8 12.4v.2"></path>`),offline:m(g`<path d="M2 6.2c3.6-3 8.4-3 12 0M4.3 8.8c2.2-1.8 5.2-1.8 7.4 0M8 12.2v.1M2.5 13.5l11-11"></path>`),search:m(g`<circle cx="7" cy="7" r="4.2"></circle><path d="M10.2 10.2l3.3 3.3"></path>`),open:m(g`<path d="M9.5 2.8h3.7v3.7M13 3L7.8 8.2M11.5 9.2v3.3a1 1 0 01-1 1H3.5a1 1 0 01-1-1V5.5a1 1 0 011-1h3.3"></path>`),page:m(g`<path d="M4 2.5h5.2L12.5 6v7a.6.6 0 01-.6.6H4.1a.6.6 0 01-.6-.6V3.1c0-.3.2-.6.5-.6zM9 2.6V6h3.4"></path>`),chevron:m(g`<path d="M4.5 6.2L8 9.8l3.5-3.6"></path>`),done:m(g`<path d="M3 8.4l3.2 3.2L13 4.8"></path>`)};var Xt=i=>i.map(t=>t.lead+t.text).join("").trim();function qe(i){let t=[];for(let e of i){let s=e.lead.trim();(!t.length||e.lead.includes(`
`)||s)&&t.push({marker:s,sentences:[]}),t.at(-1).sentences.push(e)}return t}function vt(i){let t=[];for(let e of qe(i)){let s=e.marker?/\d/.test(e.marker)?"ol":"ul":"p";(s==="p"||t.at(-1)?.kind!==s)&&t.push({kind:s,lines:[]}),t.at(-1).lines.push(e)}return t}function Zt(i){let t=e=>e.sentences.map(s=>s.html).join(" ");return vt(i).map(({kind:e,lines:s})=>e==="p"?`<p>${t(s[0])}</p>`:`<${e}>${s.map(n=>`<li>${t(n)}</li>`).join("")}</${e}>`).join("")}var wt=i=>i.split(/\n{2,}/).map(t=>`<p>${We(t).replaceAll(`
`,"<br>")}</p>`).join(""),We=i=>i.replaceAll("&","&amp;").replaceAll("<","&lt;").replaceAll(">","&gt;").replaceAll('"',"&quot;"),et=i=>/^https?:\/\//i.test(i);var it=i=>i.length===1?o`<span>${i[0].text}</span>`:o`<ul>${i.map(t=>o`<li>${t.text}</li>`)}</ul>`,Ke=i=>i.replace(/[a-z]+(?:_[a-z]+)+/g,t=>t.replaceAll("_"," "));function te(i){let{handoff:t,reasons:e}=i.run.reply;return o`<section class="card stack" aria-labelledby="handoff-title">
    <div class="spread"><h2 id="handoff-title" tabindex="-1">For you to answer</h2><span class="chip">${h.person} No draft</span></div>
    <div class="band warn">${h.warn}<div><strong>What is missing</strong>${it(e)}</div></div>
    <dl class="facts">
      <div><dt>The case</dt><dd>${t.summary}</dd></div>
      ${t.team?o`<div><dt>Proposed to</dt><dd>${t.team}</dd></div>`:c}
      ${t.missing.length?o`<div><dt>No passage speaks of</dt><dd>${t.missing.join(", ")}</dd></div>`:c}
      ${t.tried.length?o`<div><dt>What was tried</dt><dd><ul>${t.tried.map(s=>o`<li class="small">${Ke(s)}</li>`)}</ul></dd></div>`:c}
    </dl>
    <button @click=${()=>i.showTab("search")}>${h.search}Search the knowledge base</button>
  </section>`}var Fe={clarify:{title:"Ask the customer",chip:"Question back",why:"The message leaves open what is meant",field:"Question, to be modified"},refuse:{title:"Decline",chip:"Nothing to answer",why:"This is not answered here",field:"Reply, to be modified"}},B=i=>i?.clarification?.question??i?.refusal?.text??"";function ee(i){let{reply:t}=i.run,e=Fe[t.decision];return o`<section class="card stack" aria-labelledby="words-title">
    <div class="spread"><h2 id="words-title" tabindex="-1">${e.title}</h2><span class="chip">${h.ask} ${e.chip}</span></div>
    <div class="band">${h.info}<div><strong>${e.why}</strong>${it(t.reasons)}</div></div>
    ${i.editing?o`<label class="field"><span class="hush">${e.field}</span><textarea id="editor" .value=${i.edited} @input=${s=>i.edit(s.target.value)}></textarea></label>`:o`<div class="draft">${B(t).split(`
`).map(s=>o`<p>${s}</p>`)}</div>`}
    <div class="actions">
      <button class="main" id="insert" @click=${()=>i.insertDraft()}>${i.insertsByCopy?h.copy:h.insert}${i.insertsByCopy?"Copy to reply":"Insert"}</button>
      ${i.insertsByCopy?c:o`<button id="copy" @click=${()=>i.copyDraft()}>${h.copy}Copy</button>`}
      <button aria-pressed="${i.editing}" id="edit" @click=${()=>i.toggleEditing()}>${h.write}${i.editing?"Done":"Edit"}</button>
    </div>
  </section>`}function T(i,{onRetry:t,left:e=0}={}){return o`<div class="band bad" role="alert">
    ${i.offline?h.offline:h.warn}
    <div>
      <strong>${i.title}</strong>
      <span>${i.detail} ${i.fix}</span>
      ${t?o`<div><button id="retry" @click=${t}>${e>0?o`Try now <span class="soft" aria-hidden="true">· suggested in ${e} s</span>`:"Try again"}</button></div>`:c}
    </div>
  </div>`}var ie={ar:"Arabic",cs:"Czech",da:"Danish",de:"German",el:"Greek",en:"English",es:"Spanish",fi:"Finnish",fr:"French",hu:"Hungarian",it:"Italian",ja:"Japanese",ko:"Korean",nl:"Dutch",no:"Norwegian",pl:"Polish",pt:"Portuguese",ro:"Romanian",ru:"Russian",sv:"Swedish",tr:"Turkish",uk:"Ukrainian",zh:"Chinese"},se={wrong:"Wrong",off_topic:"Not what was asked",outdated:"Out of date",tone:"Wrong tone",too_long:"Too long",other:"Something else"},ne=[["Alt W","Write a draft, or write it again"],["Alt X","Stop writing"],["Alt I","Insert the draft"],["Alt C","Copy the draft"],["Alt M","Modify the draft"],["Alt K","Search the knowledge base"],["Esc","Close a question or an open source"]];function re(i){return i==null?{kind:"unknown",words:"Not calibrated: check each sentence"}:i>=.9?{kind:"high",words:"Usually right: a glance is enough"}:i>=.7?{kind:"fair",words:"Often right: read it through"}:{kind:"low",words:"Often wrong: check each sentence"}}var kt=(i,t,e=`${t}s`)=>`${i} ${i===1?t:e}`;function oe(i){let{run:t}=i,e=t.phase==="done"&&x(t);return o`<section class="card stack" aria-labelledby="draft-title" aria-busy="${$(t)}">
    <div class="spread">
      <h2 id="draft-title" tabindex="-1">${Ve(t)}</h2>
      ${Je(t)}
    </div>
    ${e?Qe(t,i.ticketChanged):c}
    ${i.editing?Ze(i):Ye(i)}
    ${t.notes.map(s=>o`<p class="small soft">${s}</p>`)}
    ${t.phase==="stopped"?o`<p class="band">${h.info}<span><strong>Stopped.</strong> What stands here was not checked as a whole and cannot be inserted.</span></p>`:c}
    ${e?[ti(i),o`<hr class="divide" />`,ei(i),ii(i)]:c}
  </section>`}function Ve(i){return i.reply?.handoff?.draft?"Unchecked draft":"Draft"}var Ge=i=>i[0].toUpperCase()+i.slice(1);function Je(i){return i.phase==="searching"?o`<span class="chip live">Searching</span>`:i.phase==="writing"?o`<span class="chip live">Writing${i.tier?` · ${i.tier} model`:""}</span>`:i.phase==="done"&&i.tier?o`<span class="chip">${Ge(i.tier)} model</span>`:c}function Qe(i,t){let{reply:e}=i,s=e.handoff?.draft,n=s?{kind:"warn",words:"For you to check against the sources"}:re(e.confidence);return o`
    ${t?o`<p class="band warn">${h.warn}<span><strong>The ticket has changed since.</strong> Write the draft again before you use it.</span></p>`:c}
    <div class="band ${n.kind}">
      ${s?h.warn:h.info}
      <div><strong>${n.words}</strong>${it(e.reasons)}</div>
    </div>
  `}function Ye(i){let{run:t}=i;if(!t.sentences.length&&t.phase==="searching")return o`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div><p class="small soft">Looking through the knowledge base.</p>`;let e=0,s=n=>n.sentences.map(r=>Xe(i,r,(e+=1)-1));return o`<div class="draft" lang="${t.reply?.language||c}">
    ${vt(t.sentences).map(({kind:n,lines:r})=>{if(n==="p")return o`<p>${s(r[0])}</p>`;let a=r.map(d=>o`<li value="${n==="ol"?parseInt(d.marker.replace(/\D/g,""),10):c}">${s(d)}</li>`);return n==="ol"?o`<ol>${a}</ol>`:o`<ul>${a}</ul>`})}
    ${$(t)?o`<p class="soft small"><span class="writing" aria-hidden="true"><i></i><i></i><i></i></span> ${t.sentences.length?"Each sentence appears once it is checked.":"Writing and checking the first sentence."}</p>`:c}
  </div>`}function Xe(i,t,e){let s=i.openCitation?.place===e,n=`sentence ${s?"active":""} ${t.checked?"":"unchecked"} ${$(i.run)?"fresh":""}`;return o`<span class="${n}">${tt(t.html)}</span>${t.citations.map(r=>{let a=r.audience==="internal";return o`&nbsp;<button
      class="cite ${a?"internal":""}"
      aria-expanded="${s&&i.openCitation.id===r.passage_id}"
      aria-label="Source ${r.n}${a?", internal":""}: ${r.title}"
      title="${r.title}"
      @click=${()=>i.openSource(r,e)}
    >${a?h.lock:c}${r.n}</button>`})} `}function Ze(i){return o`<label class="field"><span class="hush">Draft, to be modified</span>
    <textarea id="editor" .value=${i.edited} @input=${t=>i.edit(t.target.value)} spellcheck="true"></textarea>
  </label>`}function ti(i){let t=i.insertsByCopy;return o`<div class="actions">
    <button class="main" id="insert" @click=${()=>i.insertDraft()}>${t?h.copy:h.insert}${t?"Copy to reply":"Insert"}</button>
    ${t?c:o`<button id="copy" @click=${()=>i.copyDraft()}>${h.copy}Copy</button>`}
    <button aria-pressed="${i.editing}" id="edit" @click=${()=>i.toggleEditing()}>${h.write}${i.editing?"Done":"Edit"}</button>
  </div>`}function ei(i){return o`${i.before?o`<button class="link small" @click=${()=>i.goBack()}>Back to the draft before</button>`:c}
  <div class="row again" role="group" aria-label="Write it again">
    <span aria-hidden="true">Write again</span>
    <button @click=${()=>i.write({tone:"shorter"})}>Shorter</button>
    <button @click=${()=>i.write({tone:"warmer"})}>Warmer</button>
    <select class="inline" aria-label="Write it again in another language" @change=${t=>{let e=t.target.value;t.target.value="",e&&i.write({language:e})}}>
      <option value="">Language…</option>
      ${Object.entries(ie).map(([t,e])=>o`<option value="${t}">${e}</option>`)}
    </select>
  </div>`}function ii(i){let t=i.thumb;return o`<div class="spread">
      <div class="row thumbs" role="group" aria-label="Was this draft of use?">
        <button class="bare" aria-pressed="${t==="up"}" aria-label="Useful" title="Useful" @click=${()=>i.judge("up")}>${h.up}</button>
        <button class="bare" aria-pressed="${t==="down"}" aria-label="Not useful" title="Not useful" @click=${()=>i.judge("down")}>${h.down}</button>
      </div>
      <button class="bare" id="discard" aria-expanded="${i.discarding}" @click=${()=>i.toggleDiscarding()}>${h.discard}Discard</button>
    </div>
    ${i.discarding?si(i):c}`}function si(i){return o`<form class="stack" @submit=${t=>i.discard(t)}>
    <fieldset><legend class="small"><strong>Why is it of no use?</strong></legend>
      <div class="reasons">${Object.entries(se).map(([t,e],s)=>o`<label class="check"><input type="radio" name="reason" value="${t}" ?autofocus=${s===0} required /> <span>${e}</span></label>`)}</div>
    </fieldset>
    <label class="field"><span class="small">In your words (optional)</span><input type="text" name="comment" maxlength="2000" autocomplete="off" /></label>
    <div class="row"><button class="main" type="submit">Discard the draft</button><button type="button" @click=${()=>i.toggleDiscarding()}>Keep it</button></div>
  </form>`}function ae(i){let{reply:t}=i;if(!t)return"";let e=x(i);if(t.decision==="clarify")return"Deskhand suggests a question back to the customer.";if(t.decision==="refuse")return"Deskhand suggests a reply that declines.";if(!e)return`No draft: this ticket is for a person. ${t.reasons.map(r=>r.text).join(" ")}`;let s=new Set(e.sentences.flatMap(r=>r.citations.map(a=>a.n))),n=`${kt(e.sentences.length,"sentence")}, ${kt(s.size,"source")}`;return t.handoff?`Unchecked draft ready: ${n}.`:`Draft ready: ${n}.`}function de(i){let t=(e,s)=>o`<button
    role="tab" id="tab-${e}" aria-controls="panel-${e}" aria-selected="${i.tab===e}" tabindex="${i.tab===e?0:-1}"
    @click=${()=>i.showTab(e)}>${s}</button>`;return o`<header class="top">
    <h1 class="brand">${h.logo}<span>Deskhand</span></h1>
    ${i.panelsShown?o`<div class="tabs" role="tablist" aria-label="Parts of the panel" @keydown=${e=>i.moveTab(e)}>${t("reply","Reply")}${t("search","Search")}</div>`:c}
  </header>`}function le(i){return o`<section class="card stack" aria-labelledby="sign-in-title">
    <h2 id="sign-in-title" tabindex="-1">${i.wasSignedIn?"Your session is over":"Sign in"}</h2>
    <p class="small soft">${i.wasSignedIn?"Sign in again. What you wrote is still here.":"Paste the code your operator made with “deskhand sidebar code”. It works once."}</p>
    <form class="stack" @submit=${t=>i.signIn(t)}>
      <label class="field"><span>Sign-in code</span><input id="code" name="code" type="text" required maxlength="200" autocomplete="one-time-code" spellcheck="false" autocapitalize="off" /></label>
      <button class="main wide" type="submit" ?disabled=${i.signingIn}>Sign in</button>
    </form>
    ${i.signInProblem?T(i.signInProblem):c}
  </section>`}function he(i){let{ticket:t}=i,e=t.messages?.findLast?.(s=>s.author==="customer")?.text??"";return o`<section class="card ticket stack" aria-label="Ticket">
    <div>
      <h2>${t.subject||e.slice(0,90)||"Ticket without a subject"}</h2>
      <p class="meta small soft">${[t.id,`${t.messages?.length??0} ${t.messages?.length===1?"message":"messages"}`].filter(Boolean).join(" · ")}</p>
      ${e?o`<p class="asked">${e}</p>`:c}
    </div>
    <details .open=${i.summaryOpen} @toggle=${s=>i.toggleSummary(s.target.open)}>
      <summary>${h.chevron}Summary</summary>
      <div class="inside" aria-busy="${i.summarising}">${ni(i)}</div>
    </details>
  </section>`}function ni({summary:i,summarising:t,summaryProblem:e,summarise:s,summaryWaits:n}){if(e)return T(e,{onRetry:s});if(n)return o`<p class="small soft">It is made when the draft is done.</p>`;if(t)return o`<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>`;if(!i)return c;let r={positive:"Positive",neutral:"Neutral",negative:"Negative"},{sentiment:a,sentiment_at_first:d}=i,l=[i.product,i.version].filter(Boolean).join(" "),p=u=>o`<ul>${u.map(b=>o`<li>${ce(b)}</li>`)}</ul>`,f=(u,b)=>b.length?o`<div><dt>${u}</dt><dd>${p(b)}</dd></div>`:c;return o`<p>${i.short.text}</p>
  <dl class="facts small">
    <div><dt>The customer wants</dt><dd>${ce(i.request)}</dd></div>
    ${l?o`<div><dt>Product</dt><dd>${l}</dd></div>`:c}
    ${f("Tried already",i.tried)}
    ${f("Answered",i.answers)}
    ${f("Open",i.open_questions)}
    ${i.next_step?o`<div><dt>Next step</dt><dd>${i.next_step}</dd></div>`:c}
    <div><dt>Mood</dt><dd>${r[a]}${d===a?c:`, at first ${r[d].toLowerCase()}`}</dd></div>
  </dl>
  <p class="small soft">Written by a model, each statement looked for in the ticket: the number is that of the message.</p>`}function ce({text:i,messages:t}){return o`${i}${t.length?o` <span class="soft" title=${`In message ${t.join(", ")} of this ticket`}>(${t.join(", ")})</span>`:c}`}var pe=o`<section class="card empty">${h.logo}<h2>No ticket is open</h2><p>Open a ticket in your helpdesk and it appears here.</p></section>`;function ue(i){let{session:t}=i;return o`<footer>
    <details>
      <summary>${h.chevron}Keyboard</summary>
      <div class="inside keys">${ne.map(([e,s])=>o`<span>${e.split(" ").map(n=>o`<kbd>${n}</kbd> `)}</span><span>${s}</span>`)}</div>
    </details>
    ${t?o`<p class="who">Signed in${t.agent?o` as ${t.agent}`:c}. <button class="link small" @click=${()=>i.signOut()}>Sign out</button></p>`:c}
  </footer>`}function fe(i){let t=i.confirming?.titles??[];return o`<dialog aria-labelledby="internal-title" aria-describedby="internal-text" @close=${()=>i.answerInternal(!1)}>
    <h2 id="internal-title">${h.lock} This rests on internal documents</h2>
    <div id="internal-text" class="stack">
      <p>Customers may not be meant to read what stands in:</p>
      <ul>${t.map(e=>o`<li>${e}</li>`)}</ul>
    </div>
    <div class="row">
      <button autofocus @click=${()=>i.answerInternal(!1)}>Cancel</button>
      <button class="main" @click=${()=>i.answerInternal(!0)}>${i.confirming?.verb??"Insert"} anyway</button>
    </div>
  </dialog>`}var me=/(<[^>]*>)|(&(?:#\d+|#x[\da-f]+|\w+);)|([\s\S])/giu,ge=/[\p{L}\p{N}]/u;function be(i,t,e=""){let s=[],n="";for(let d of i.matchAll(me))if(!(!d[3]||!ge.test(d[3])))for(let l of d[3].toLowerCase()){n+=l;for(let p=0;p<l.length;p+=1)s.push([d.index,d.index+d[3].length])}let r=[],a=[];for(let d of t){let l=[...d.toLowerCase()].filter(f=>ge.test(f)).join(""),p=l?n.indexOf(l):-1;p<0?a.push(d):r.push({start:s[p][0],end:s[p+l.length-1][1],active:d===e})}return{html:ri(i,r),missing:a}}function ri(i,t){let e="",s=null,n=r=>{s!==r&&(s&&(e+="</mark>"),r&&(e+=r.active?'<mark class="active">':"<mark>"),s=r)};for(let r of i.matchAll(me)){let a=r[1]?null:t.find(({start:d,end:l})=>r.index>=d&&r.index<l)??null;n(a),e+=r[0]}return n(null),e.replace(/<mark(?: class="active")?>(\s*)<\/mark>/g,"$1")}var oi=o`<span class="chip internal">${h.lock} Internal</span>`,ai=o`<span class="chip outdated">Outdated</span>`;function st({passage:i,n:t=null,quotes:e=[]},{id:s,open:n,active:r=!1,quote:a="",onToggle:d,extra:l=c}){let p=i.audience==="internal",f=i.heading&&i.heading!==i.title?i.heading:i.document.split("/").at(-1);return o`<li class="source ${p?"internal":""} ${r?"active":""}">
    <h3>
      <button id="${s}" aria-expanded="${n}" aria-controls="${s}-text" @click=${d}>
        ${t===null?o`<span class="number none">${h.page}</span>`:o`<span class="number"><span class="hush">Source </span>${t}</span>`}
        <span>${i.title} ${p?oi:c} ${i.outdated?ai:c}<span class="where">${f}</span></span>
        ${h.chevron}
      </button>
    </h3>
    ${n||!e.length?c:o`<p class="quote">${e[0]}</p>`}
    <div id="${s}-text" class="passage" ?hidden=${!n}>${n?ci(i,e,a,l):c}</div>
  </li>`}function ci(i,t,e,s){let{html:n,missing:r}=be(i.html,t,e||t[0]);return o`
    ${r.map(a=>o`<blockquote><mark>${a}</mark></blockquote>`)}
    <div class="text">${tt(n)}</div>
    <div class="row">
      ${s}
      ${et(i.url)?o`<a class="small" href="${i.url}" target="_blank" rel="noopener noreferrer nofollow">Open the document on ${new URL(i.url).host}</a>`:c}
    </div>
  `}function $e(i){let{found:t,searching:e,searchProblem:s}=i;return o`
    <form class="search" role="search" @submit=${n=>i.search(n)}>
      <label class="hush" for="query">Search the knowledge base</label>
      <input id="query" name="q" type="search" placeholder="Search the knowledge base" maxlength="2000" autocomplete="off" required />
      <button class="main" type="submit">${h.search}<span>Search</span></button>
    </form>
    ${e?o`<p class="small soft">Searching…</p>`:c}
    ${s?T(s):c}
    ${t&&!t.length?o`<p class="empty">Nothing was found. Other words may find it.</p>`:c}
    ${t?.length?o`<h2>${t.length===1?"1 passage":`${t.length} passages`}</h2>
          <ul class="sources" aria-busy="${e}">
            ${t.map((n,r)=>st({passage:n},{id:`found-${r}`,open:i.openFound===r,onToggle:()=>i.toggleFound(r),extra:o`
                  <button @click=${()=>i.insertQuote(n)}>${h.insert}${i.insertsByCopy?"Copy quote":"Insert quote"}</button>
                  ${et(n.url)?o`<button @click=${()=>i.insertLink(n)}>${h.open}${i.insertsByCopy?"Copy link":"Insert link"}</button>`:c}
                `}))}
          </ul>`:c}
  `}var H=()=>({run:null,ticketOfRun:"",before:null,editing:!1,edited:"",thumb:"",discarding:!1,discarded:!1,opened:new Set,openCitation:null,summary:null,summaryOpen:!1,summaryProblem:null}),q=class i extends S{static styles=Jt;static properties={ticket:{attribute:!1},token:{attribute:!1},api:{},page:{type:Boolean},auto:{type:Boolean},...Object.fromEntries([...Object.keys(H()),"tab","session","signingIn","signInProblem","wasSignedIn","useInternal","retryIn","found","searching","searchProblem","openFound","summarising","confirming","said","saidAloud"].map(t=>[t,{state:!0}]))};constructor(){super(),Object.assign(this,H(),{ticket:null,token:"",api:"",page:!1,auto:!1,tab:"reply",session:null,signingIn:!1,signInProblem:null,wasSignedIn:!1,useInternal:!1,retryIn:0,found:null,searching:!1,searchProblem:null,openFound:null,summarising:!1,confirming:null,said:"",saidAloud:""}),this._tickets=new Map,this._host=new X(this),this._insertion=new Q(this),this.summarise=()=>this._summarise(),this._onKey=t=>this._key(t)}connectedCallback(){super.connectedCallback(),this._client=new J(this.api||i.base,()=>this.token),(this.page?window:this).addEventListener("keydown",this._onKey),this.page&&this._host.open()}disconnectedCallback(){super.disconnectedCallback(),(this.page?window:this).removeEventListener("keydown",this._onKey),this._host.close(),this._controller?.abort(),clearInterval(this._countdown)}willUpdate(t){t.has("ticket")&&t.get("ticket")?.id!==this.ticket?.id&&this._turnTo(t.get("ticket")),t.has("token")&&this.token&&this._readSession()}updated(t){let e=this.renderRoot.querySelector("dialog");t.has("confirming")&&this.confirming&&!e.open&&e.showModal(),t.has("ticket")&&this.auto&&this.ticket&&!this.run&&this.session&&this.write()}render(){return o`${de(this)}
      <main>
        ${this._signedOut?le(this):c}
        ${this.panelsShown?this._panels():c}
      </main>
      ${ue(this)} ${fe(this)}
      <p role="status" class="${this.said?"toast":"hush"}">${this.said||this.saidAloud}</p>`}get _signedOut(){return!this.token||!!(!this.session&&this.signInProblem)}get panelsShown(){return!this._signedOut||!!this.run}_panels(){return o`<div role="tabpanel" id="panel-reply" aria-labelledby="tab-reply" ?hidden=${this.tab!=="reply"}>
        ${this.ticket?[he(this),this._writeButton(),this._outcome(),this._sources()]:pe}
      </div>
      <div role="tabpanel" id="panel-search" aria-labelledby="tab-search" ?hidden=${this.tab!=="search"}>
        ${this.session?.internal?this._internalChoice("search"):c} ${$e(this)}
      </div>`}_writeButton(){let t=$(this.run),e=!this._sameAgain&&this.run?.phase!=="failed",s=this.session?.internal&&!t;if(!e&&!s)return c;let n=t?"Stop":this.run?"Write again":"Draft a reply";return o`<div class="stack">
      ${e?o`<button id="write" class="wide ${this.run?"":"main"}" ?disabled=${!this.session} @click=${()=>t?this.stop():this.write()}>
            ${t?h.stop:h.write}${n}
          </button>`:c}
      ${s?this._internalChoice("reply"):c}
    </div>`}_internalChoice(t){return o`<label class="check small" for="internal-${t}"><input id="internal-${t}" type="checkbox" .checked=${this.useInternal} @change=${e=>this.useInternal=e.target.checked} />
      <span>Read internal documents too</span></label>`}_outcome(){let{run:t}=this;return this.discarded?o`<section class="card empty"><h2 tabindex="-1" id="draft-title">Discarded</h2><p>The reason is kept with the draft.</p></section>`:t?t.phase==="failed"?T(t.problem,{onRetry:()=>this.write(t.wish),left:this.retryIn}):B(t.reply)?ee(this):t.phase==="done"&&!x(t)?te(this):oe(this):c}_sources(){let{run:t}=this;if(!t?.passages.length||this.discarded)return c;let{cited:e,others:s}=Ft(t),n=d=>{let l=d.passage.passage_id,p=this.openCitation?.id===l;return st(d,{id:`source-${l}`,open:this.opened.has(l),active:p,quote:p?this.openCitation.quote:"",onToggle:()=>this._toggleSource(l)})},[r,a]=e.length?[e,s]:[s.slice(0,4),s.slice(4)];return o`<section class="stack" aria-labelledby="sources-title">
      <h2 id="sources-title">${e.length?"Sources":"Found in the knowledge base"}</h2>
      <ul class="sources">${r.map(n)}</ul>
      ${a.length?o`<details><summary>${h.chevron}${e.length?"Also found":"More"} (${a.length})</summary><div class="inside"><ul class="sources">${a.map(n)}</ul></div></details>`:c}
    </section>`}get _sameAgain(){let t=this.useInternal?"internal":"public";return!!(this.run?.phase==="done"&&x(this.run)&&!this.discarded&&!this.ticketChanged&&this.run.wish.audience===t)}get ticketChanged(){return!!this.run&&this.ticketOfRun!==JSON.stringify(this.ticket?.messages)}get insertsByCopy(){return this._host.insertsByCopy}async write(t={}){if(!this.ticket||!this.session)return;this._controller?.abort();let e=this._controller=new AbortController,s=x(this.run)?{run:this.run,edited:this.edited,ticketOfRun:this.ticketOfRun}:this.before;this._clearRetry(),Object.assign(this,{before:s,editing:!1,edited:"",thumb:"",discarding:!1,discarded:!1,opened:new Set,openCitation:null,run:qt({...t,audience:this.useInternal?"internal":"public"}),ticketOfRun:JSON.stringify(this.ticket.messages)});let n=!1;try{for await(let r of this._client.draft(this.ticket,this.run.wish,e.signal)){if(this._controller!==e)return;if(r.name==="error")throw new w({...r.data,detail:`${r.data.detail}.`});n=this.renderRoot.activeElement?.id==="write",this.run=Wt(this.run,r)}}catch(r){if(e.signal.aborted||this._controller!==e)return;this._draftFailed(r);return}this._announce(ae(this.run)),await this.updateComplete,n&&this._sameAgain&&this.renderRoot.querySelector("#draft-title")?.focus(),this.summaryOpen&&!this.summary&&this._summarise()}stop(){this._controller?.abort(),$(this.run)&&(this.run=$t(this.run)),this._announce("Stopped.")}_draftFailed(t){let e=t instanceof w?t:w.cut();if(e.status===401){this._sessionOver(),this.run=this.before?.run??null,Object.assign(this,{edited:this.before?.edited??"",editing:!!this.before?.edited,before:null});return}this.run=Kt(this.run,e),e.retryAfter&&this._countDown(e.retryAfter)}_countDown(t){this.retryIn=Math.min(t,600),this._countdown=setInterval(()=>{this.retryIn-=1,!(this.retryIn>0)&&(this._clearRetry(),this._announce("You can try again now."))},1e3)}_clearRetry(){clearInterval(this._countdown),this.retryIn=0}goBack(){let{run:t,edited:e,ticketOfRun:s}=this.before;Object.assign(this,{run:t,edited:e,ticketOfRun:s,editing:!!e,before:null,thumb:"",openCitation:null})}get text(){return this.edited||this._drafted()}_drafted(){let t=x(this.run);return t?Xt(t.sentences):B(this.run?.reply)}insertDraft(){let t=x(this.run),e=this.edited||!t?wt(this.text):Zt(t.sentences);return this._insertion.insert(this.text,e,xt(t?.sentences??[]),this.run.reply.run_id)}copyDraft(){return this._insertion.copy(this.text,xt(x(this.run)?.sentences??[]))}insertQuote(t){let e=this.renderRoot.querySelector(`#found-${this.openFound}-text .text`)?.innerText.trim()??t.text,s=t.audience==="internal"?[t.title]:[];return this._insertion.insert(`“${e}”`,`<blockquote>${t.html}</blockquote>`,s,"")}insertLink(t){let e=t.audience==="internal"?[t.title]:[],s=`${t.title}: ${t.url}`;return this._insertion.insert(s,wt(s),e,"")}answerInternal(t){let e=this.confirming;this.confirming=null,this.renderRoot.querySelector("dialog").close(),e?.answer(t)}async toggleEditing(){this.editing=!this.editing,this.editing&&(this.edited||=this._drafted(),await this.updateComplete,this.renderRoot.querySelector("#editor")?.focus())}edit(t){this.edited=t}async judge(t){this.thumb=t,await this._report({verdict:t},"Thank you.")||(this.thumb="")}toggleDiscarding(){this.discarding=!this.discarding}async discard(t){t.preventDefault();let e=new FormData(t.target);await this._report({verdict:"discarded",reason:e.get("reason"),comment:e.get("comment")},"Discarded.")&&(Object.assign(this,{discarding:!1,discarded:!0}),await this.updateComplete,this.renderRoot.querySelector("#draft-title")?.focus())}sent(t,e){let s=t.trim()===this._drafted().trim();return this._report({verdict:s?"sent":"edited",sent_text:t,run_id:e||this.run?.reply?.run_id},"")}async _report(t,e){let s=t.run_id??this.run?.reply?.run_id;if(!s)return!1;try{return await this._client.feedback({run_id:s,...t}),this._show(e),!0}catch(n){let r=n.status===401;return r&&this._sessionOver(),this._show(r?"Not kept: your session is over. Sign in again.":`Not kept: ${n.message}. ${n.fix??""}`),!1}}async openSource(t,e){this.openCitation={id:t.passage_id,quote:t.quote,place:e},this.opened=new Set([...this.opened,t.passage_id]),this._returnTo=this.renderRoot.activeElement,await this.updateComplete;let s=this.renderRoot.querySelector(`#source-${CSS.escape(t.passage_id)}`);s?.focus({preventScroll:!0});let n=matchMedia("(prefers-reduced-motion: reduce)").matches;(s?.closest("li").querySelector("mark.active")??s)?.scrollIntoView({block:"center",behavior:n?"auto":"smooth"})}_toggleSource(t){let e=new Set(this.opened);e.delete(t)?this.openCitation?.id===t&&(this.openCitation=null):e.add(t),this.opened=e}_closeSource(){this._toggleSource(this.openCitation.id),this._returnTo?.focus()}toggleSummary(t){this.summaryOpen=t,t&&!this.summary&&!this.summarising&&this._summarise()}get summaryWaits(){return $(this.run)&&!this.summary}async _summarise(){if($(this.run))return;let{ticket:t}=this;Object.assign(this,{summarising:!0,summaryProblem:null});try{let e=await this._client.summary(t);this.ticket?.id===t.id&&(this.summary=e)}catch(e){e.status===401&&this._sessionOver(),this.summaryProblem=e}this.summarising=!1}async search(t){t.preventDefault();let e=new FormData(t.target).get("q").trim();if(e){Object.assign(this,{searching:!0,searchProblem:null,openFound:null});try{this.found=(await this._client.search(e,this.useInternal?"internal":"public")).passages,this._announce(this.found.length?`${this.found.length} passages found.`:"Nothing was found.")}catch(s){s.status===401&&this._sessionOver(),Object.assign(this,{found:null,searchProblem:s})}this.searching=!1}}toggleFound(t){this.openFound=this.openFound===t?null:t}async signIn(t){t.preventDefault(),Object.assign(this,{signingIn:!0,signInProblem:null});try{this._host.keepToken((await this._client.redeem(new FormData(t.target).get("code"))).token)}catch(e){this.signInProblem=e}this.signingIn=!1}signOut(){this._controller?.abort(),this._client.end().catch(()=>{}),this._tickets.clear(),Object.assign(this,H(),{session:null,wasSignedIn:!1}),this._host.keepToken("")}async _readSession(){let{token:t}=this;try{let e=await this._client.session();if(this.token!==t)return;Object.assign(this,{session:e,signInProblem:null,wasSignedIn:!1}),this.auto&&this.ticket&&!this.run&&this.write()}catch(e){if(this.token!==t)return;e.status===401||e.status===403?this._sessionOver():this.signInProblem=e}}_sessionOver(){Object.assign(this,{session:null,wasSignedIn:!0}),this._host.keepToken(""),this._host.needToken(),this._announce("Your session is over. Sign in again; what you wrote is still here.")}showTab(t){this.tab=t,this.updateComplete.then(()=>this.renderRoot.querySelector(t==="search"?"#query":"#tab-reply")?.focus())}moveTab(t){t.key!=="ArrowLeft"&&t.key!=="ArrowRight"||(this.tab=this.tab==="reply"?"search":"reply",this.updateComplete.then(()=>this.renderRoot.querySelector(`#tab-${this.tab}`)?.focus()))}_turnTo(t){this._controller?.abort(),this._controller=null,this._clearRetry();let e=Object.keys(H());$(this.run)&&(this.run=$t(this.run)),t?.id&&this._tickets.set(t.id,Object.fromEntries(e.map(s=>[s,this[s]]))),Object.assign(this,H(),this._tickets.get(this.ticket?.id)??{})}_key(t){if(t.key==="Escape"&&this.openCitation&&!this.confirming&&this._closeSource(),!t.altKey||t.ctrlKey||t.metaKey||t.shiftKey||this.confirming)return;let e=!!(this.run?.phase==="done"&&!this.discarded&&(x(this.run)||B(this.run.reply))),s={KeyW:()=>!$(this.run)&&this.write(),KeyX:()=>$(this.run)&&this.stop(),KeyI:()=>e&&this.insertDraft(),KeyC:()=>e&&this.copyDraft(),KeyM:()=>e&&this.toggleEditing(),KeyK:()=>this.showTab("search")};Object.hasOwn(s,t.code)&&(t.preventDefault(),s[t.code]())}_announce(t){Object.assign(this,{said:"",saidAloud:t})}_show(t){t&&(this.said=t,clearTimeout(this._fading),this._fading=setTimeout(()=>Object.assign(this,{said:"",saidAloud:""}),6e3))}};q.base=new URL("..",document.currentScript?.src??document.baseURI).href;customElements.define("deskhand-sidebar",q);})();
/*! Bundled license information:

@lit/reactive-element/css-tag.js:
  (**
   * @license
   * Copyright 2019 Google LLC
   * SPDX-License-Identifier: BSD-3-Clause
   *)

@lit/reactive-element/reactive-element.js:
lit-html/lit-html.js:
lit-element/lit-element.js:
lit-html/directive.js:
lit-html/directives/unsafe-html.js:
  (**
   * @license
   * Copyright 2017 Google LLC
   * SPDX-License-Identifier: BSD-3-Clause
   *)

lit-html/is-server.js:
  (**
   * @license
   * Copyright 2022 Google LLC
   * SPDX-License-Identifier: BSD-3-Clause
   *)
*/
