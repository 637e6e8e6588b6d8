import { describe, expect, it } from 'vitest';
import { readFrame, readText } from '../../../relay/legacy/framing.js';

const said = { name: 'send_message', args: [{ to: 17 }], namespace: '/', ack: undefined };

describe('an event', () => {
  it.each([
    ['42["send_message",{"to":17}]', said],
    ['2["send_message",{"to":17}]', said],
    [' 42["send_message",{"to":17}]\n\0', said],
    ['427["send_message",{"to":17}]', { ...said, ack: '7' }],
    ['42/chat,["send_message",{"to":17}]', { ...said, namespace: '/chat' }],
    ['42/chat,13["send_message",{"to":17}]', { ...said, namespace: '/chat', ack: '13' }],
    ['42["hello"]', { ...said, name: 'hello', args: [] }],
  ])('%s', (text, event) => expect(readFrame(text)).toEqual({ kind: 'event', ...event }));
});

describe('JSON', () => {
  it.each([
    ['{"event":"x"}', { event: 'x' }],
    ['  {"event":"x"}\r\n', { event: 'x' }],
    ['\uFEFF{"event":"x"}', { event: 'x' }],
    ['["x",{"to":17}]', ['x', { to: 17 }]],
    ['4{"event":"x"}', { event: 'x' }],
    ['"{\\"event\\":\\"x\\"}"', { event: 'x' }],
  ])('%s', (text, value) => expect(readFrame(text)).toEqual({ kind: 'json', value }));
});

describe('talk that carries nothing', () => {
  it.each([
    ['40', { kind: 'connect', namespace: '/' }],
    ['40{"token":"x"}', { kind: 'connect', namespace: '/' }],
    ['40/chat,', { kind: 'connect', namespace: '/chat' }],
    ['2', { kind: 'ping', data: '' }],
    ['2probe', { kind: 'ping', data: 'probe' }],
    ['3', { kind: 'idle' }],
    ['5', { kind: 'idle' }],
    ['431[]', { kind: 'idle' }],
    ['', { kind: 'idle' }],
    ['1', { kind: 'leave' }],
    ['41', { kind: 'leave' }],
    ['41/chat,', { kind: 'leave' }],
  ])('%j', (text, frame) => expect(readFrame(text)).toEqual(frame));
});

describe('what cannot be read is told apart, never taken for nothing', () => {
  it.each([
    ['hello'],
    ['{"event":'],
    ['"just a text"'],
    ['42{"event":"x"}'],
    ['42["send_message",{'],
    ['42[17]'],
    ['42'],
    ['451-["upload",{"_placeholder":true,"num":0}]'],
    ['7["x"]'],
    [`42${'['.repeat(100_000)}`],
  ])('%.40j', (text) => expect(readFrame(text)).toMatchObject({ kind: 'unreadable', why: expect.any(String) }));
});

it('Latin-1 is read as what it is, UTF-8 as UTF-8', () => {
  expect(readText(Buffer.from('{"a":"Gr\xfc\xdfe"}', 'latin1'))).toBe('{"a":"Grüße"}');
  expect(readText(Buffer.from('{"a":"Grüße 😀"}'))).toBe('{"a":"Grüße 😀"}');
});
