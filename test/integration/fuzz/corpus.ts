import { frame } from '../../support/tcp.js';

/** What is sent, and what becomes of it: told by an answer or a log line, or of no consequence at all. */
export interface Sample {
  readonly what: string;
  readonly send: readonly (string | Uint8Array)[];
  readonly becomes: 'told' | 'nothing';
}

const told = (what: string, ...send: (string | Uint8Array)[]): Sample => ({ what, send, becomes: 'told' });
const nothing = (what: string, ...send: (string | Uint8Array)[]): Sample => ({ what, send, becomes: 'nothing' });
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** Engine.IO packets of a registered page: strings go as text frames, bytes as binary ones. */
export const PACKETS: readonly Sample[] = [
  told('a key that is JavaScript’s own', '42["typing",{"__proto__":{"conversation_id":5},"constructor":1}]'),
  told('an event called __proto__', '42["__proto__",{"a":1}]'),
  told('an event called constructor', '42["constructor"]'),
  told('an event called hasOwnProperty', '42["hasOwnProperty",{"hasOwnProperty":1}]'),
  told('an event called error', '42["error","a"]'),
  told('a number for an event name', '42[17,{"a":1}]'),
  told('no event name', '42[]'),
  told('null for an event name', '42[null]'),
  told('a reserved event name', '42["disconnect"]'),
  told('an object for an event', '42{"event":"typing"}'),
  told('text for an event', '42"typing"'),
  told('half an event', '42["typing",{"conversation_id"'),
  told('an event packet without anything', '42'),
  told('an empty message', '4'),
  told('deep nesting', `42["typing",${nested(30_000)}]`),
  told('deep nesting in a text', `42["typing",${JSON.stringify(`{"conversation_id":5,"a":${nested(9_000)}}`)}]`),
  told(
    'a thousand and one people to watch',
    `421["watch_presence",${JSON.stringify(Array.from(Array(1_001).keys()))}]`,
  ),
  told('a huge ack id', '4299999999999999999999999["typing",1]'),
  told('an ack id that is infinite', `42${'9'.repeat(400)}["typing",1]`),
  nothing('an ack that nobody waits for', '43123456789[]'),
  nothing('an ack with a huge id', '4399999999999999999999999[{"ok":true}]'),
  told('an ack that is no list', '431{"a":1}'),
  told('a placeholder, and then text', '451-["typing",{"_placeholder":true,"num":0}]', '42["typing",1]'),
  told('a placeholder of another number', '451-["typing",{"_placeholder":true,"num":9}]', Buffer.alloc(8)),
  told('a placeholder that is __proto__', '451-["typing",{"_placeholder":true,"num":"__proto__"}]', Buffer.alloc(8)),
  told('an event of bytes', '451-["typing",{"_placeholder":true,"num":0}]', Buffer.from([0xff, 0])),
  told('more attachments than there are atoms', '45999999999999999999-["typing"]'),
  told('attachments below none', '45-1-["typing"]'),
  told('a binary event without a number', '45["typing"]'),
  told('bytes that nothing announced', Buffer.from([1, 2, 3])),
  told('an unknown namespace', '40/admin,{"token":"a"}'),
  told('a namespace called __proto__', '40__proto__,'),
  told('an event to an unknown namespace', '42/admin,["typing",1]'),
  told('a goodbye from an unknown namespace', '41/admin,'),
  told('to connect a second time', '40{"token":{"a":["b"]}}'),
  told('a connect_error from the client', '44{"message":"no"}'),
  told('an unknown Socket.IO packet', '49["typing"]'),
  told('an unknown Engine.IO packet', 'x'),
  told('an Engine.IO packet of no type', ''),
  told('base64 that is none', 'b!!!!'),
  told('a ping, which is the relay’s to send', '2'),
  told('an Engine.IO open', '0{"sid":"mine"}', '2'),
  nothing('a pong that nobody waits for', '3'),
  nothing('a pong with words', '3probe'),
  nothing('an upgrade that is none', '5'),
  nothing('a noop', '6'),
  told('an id that is an object', '42["register_user",{"user_id":{"toString":"17"}}]'),
  told('a token that is a list', '42["register_user",{"token":["a"]}]'),
  told('half a surrogate pair', '42["typing",{"conversation_id":"\\ud800"}]'),
  told('a number beyond all', '42["typing",{"conversation_id":1e999}]'),
  told('a million recipients’ worth of commas', `42["typing",[${'0,'.repeat(30_000)}0]]`),
  told('an event over the limit', `42["typing","${'a'.repeat(66_000)}"]`),
  told('an event far over the limit', `42["typing","${'a'.repeat(200_000)}"]`),
];

/** What follows `40` in the first packet of a page that is not registered yet. */
export const CONNECTS: readonly string[] = [
  '{"token":17}',
  '{"token":{"__proto__":1}}',
  '{"token":"eyJhbGciOiJub25lIn0.e30."}',
  `{"token":"${'a'.repeat(60_000)}"}`,
  '{"token":"\\u0000"}',
  '/admin,{"token":"a"}',
  '/,{"token":"a"}',
  '[]',
  '"a"',
  'null',
  '{"token"',
  '{"token":"a"}{"token":"b"}',
  '\u0000',
];

/** Bytes behind a finished WebSocket handshake. */
export const FRAMES: readonly Sample[] = [
  told('text that is no UTF-8', frame(Buffer.from('42["typing","\xe9\xff"]', 'latin1'))),
  told('half a UTF-8 sequence', frame(Buffer.from([0x34, 0x32, 0xe2, 0x82]))),
  told('an unmasked frame', frame('42["typing",1]', { masked: false })),
  told('reserved bits', frame('42["typing",1]', { reserved: 4 })),
  told('a reserved opcode', frame('42["typing",1]', { opcode: 3 })),
  told('a reserved control opcode', frame('', { opcode: 11 })),
  told('a control frame in pieces', frame('a', { opcode: 9, final: false })),
  told('a control frame that is too long', frame('a'.repeat(126), { opcode: 9 })),
  told('a continuation of nothing', frame('a', { opcode: 0 })),
  told('a new message within one', frame('42[', { final: false }), frame('"typing"]')),
  told('a length of 2^53', frame('', { length: 2 ** 53 })),
  told('a length far over the limit', frame('a', { length: 10_000_000 })),
  told('a close frame of one byte', frame('a', { opcode: 8 })),
  told('a close code that may not be sent', frame(Buffer.from([0x03, 0xed]), { opcode: 8 })),
  told('a goodbye that is no UTF-8', frame(Buffer.from([0x03, 0xe8, 0xff]), { opcode: 8 })),
  told('HTTP', 'GET / HTTP/1.1\r\nHost: relay\r\n\r\n'),
  told('zeros', Buffer.alloc(64)),
];

/** Whole and half requests to the public listener. `SID` stands for a session that lives. */
export const REQUESTS: readonly Sample[] = [
  ...['__proto__', 'constructor', 'toString', '%00', '..%2f', '%F0%9F'].map((sid) =>
    told(`a session called ${sid}`, get(`/socket.io/?EIO=4&transport=polling&sid=${sid}`)),
  ),
  told('a transport called constructor', get('/socket.io/?EIO=4&transport=constructor')),
  told('a transport called __proto__', get('/socket.io/?EIO=4&transport=__proto__')),
  told('a protocol of its own', get('/socket.io/?EIO=999&transport=polling')),
  told('a protocol that is a list', get('/socket.io/?EIO=4&EIO=3&transport=polling&transport=websocket')),
  nothing('JSONP with script in it', get('/socket.io/?EIO=4&transport=polling&j=</script>&sid=SID')),
  told('half an escape', get('/socket.io/?EIO=4&transport=polling&sid=%')),
  told('half an escape in the path', get('/%')),
  told('a method of its own', get('/socket.io/?EIO=4&transport=polling&sid=SID').replace('GET', 'PATCH')),
  told('no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  told('no version', 'GET /\r\n\r\n'),
  told('a head with a zero', 'GET / HTTP/1.1\r\nHost: relay\r\nX: \0\r\n\r\n'),
  told('a head that is too long', `GET / HTTP/1.1\r\nHost: relay\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`),
  told('two lengths', post('4', ['Content-Length: 1', 'Content-Length: 2'])),
  told('a length and chunks', post('4', ['Content-Length: 1', 'Transfer-Encoding: chunked'])),
  told('a negative length', post('4', ['Content-Length: -1'])),
  told('a length beyond all', post('4', ['Content-Length: 99999999999999999999'])),
  nothing('a length over the limit', post('4', ['Content-Length: 10000000'])),
  told('chunks that are none', post('zz\r\n4\r\n', ['Transfer-Encoding: chunked'])),
  told('an upgrade without a key', get('/socket.io/?EIO=4&transport=websocket', upgrade().slice(0, 2))),
  told(
    'an upgrade with half a key',
    get('/socket.io/?EIO=4&transport=websocket', [...upgrade(), 'Sec-WebSocket-Key: a']),
  ),
  told('an upgrade of version 1', get('/socket.io/?EIO=4&transport=websocket', upgrade('1'))),
  told('an upgrade of a session that is none', get('/socket.io/?EIO=4&transport=websocket&sid=nobody', keyed())),
  told('an upgrade by POST', get('/socket.io/?EIO=4&transport=websocket', keyed()).replace('GET', 'POST')),
  nothing('half a request', 'GET /socket.io/?EIO=4&trans'),
  nothing('half an upgrade', 'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnec'),
  nothing('a body that does not come', post('4', ['Content-Length: 100'])),
];

/** Bodies of a POST to a session that lives. */
export const BODIES: readonly (string | Buffer)[] = [
  '',
  '\x1e',
  '\x1e\x1e\x1e',
  '4',
  '42["typing",1]\x1e',
  '42["typing",1]\x1e\x1e9',
  '2',
  '2probe',
  '5',
  'b',
  'bAAAA\x1ebAAAA',
  '451-["a",{"_placeholder":true,"num":0}]\x1ebAA==',
  '1:2',
  '40\x1e40\x1e40',
  '1',
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from([0x34, 0x32, 0xc3]),
  '42["typing",1]\x1e'.repeat(200),
];

function get(path: string, headers: readonly string[] = ['Connection: close']): string {
  return [`GET ${path} HTTP/1.1`, 'Host: relay', ...headers, '', ''].join('\r\n');
}

function post(body: string, headers: readonly string[]): string {
  return `${['POST /socket.io/?EIO=4&transport=polling&sid=SID HTTP/1.1', 'Host: relay', ...headers].join('\r\n')}\r\n\r\n${body}`;
}

function upgrade(version = '13'): string[] {
  return ['Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Version: ${version}`];
}

function keyed(): string[] {
  return [...upgrade(), 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];
}
