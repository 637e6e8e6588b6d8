import { describe, expect, it } from 'vitest';
import { encodeName, parseFieldNames } from '../../../relay/legacy/field-names.js';

describe('RELAY_LEGACY_FIELDS', () => {
  it('puts the named fields before the built-in ones', () => {
    const { fields, events } = parseFieldNames(
      'recipient=ziel, recipient=empfaenger , event:nachricht = send_message,',
    );
    expect(fields.recipient.slice(0, 3)).toEqual(['ziel', 'empfaenger', 'recipients']);
    expect([...events]).toEqual([['nachricht', 'send_message']]);
    expect(parseFieldNames('').fields.text).toEqual(['content', 'message', 'text', 'body']);
  });

  it('takes any name, percent-encoded', () => {
    const odd = 'a, b=c % d';
    expect(encodeName(odd)).toBe('a%2C%20b%3Dc%20%25%20d');
    expect(parseFieldNames(`text=${encodeName(odd)}`).fields.text[0]).toBe(odd);
    expect(parseFieldNames(`event:${encodeName(odd)}=x`).events.get(odd)).toBe('x');
  });

  it.each([
    ['recpient=ziel', '"recpient=ziel": "recpient" is no role'],
    ['recpient=ziel', 'did you mean "recipient"?'],
    ['ziel', '"ziel": must be role=field'],
    ['ziel', 'event:name=name'],
    ['text=', '"text=": must be role=field'],
    ['text=a=b', '"text=a=b": must be role=field'],
    ['event:=x', 'after "event:" stands the name'],
    ['event:a=b,event:a=c', '"event:a=c": their event "a" is already mapped to "b"'],
    ['text=%E4', '"%E4" is not percent-encoded'],
  ])('%s is refused, and the part named', (text, problem) => {
    expect(() => parseFieldNames(text)).toThrow(problem);
  });

  it('tells all problems at once', () => {
    expect(() => parseFieldNames('x=y,text=ok,z')).toThrow(/"x=y": .*; "z": /);
  });
});
