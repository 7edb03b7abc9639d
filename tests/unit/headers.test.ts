import { describe, expect, it } from 'vitest';
import {
  asksFresh,
  isJson,
  parseIdempotencyKey,
  parseIfMatch,
  parseIfNoneMatch,
  parsePrefer,
} from '../../src/presentation/api/http/headers.ts';

const codeOf = (parse: () => unknown): unknown => {
  try {
    return parse();
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('Prefer', () => {
  it.each([
    'respond-async',
    'Respond-Async',
    'respond-async=""',
    'respond-async ; x="y, z"',
    ',, respond-async,',
    'foo="a,b" , respond-async',
    'foo="a\\"b", respond-async',
    'a b, respond-async',
    'respond-async, respond-async=1',
  ])('%s asks for a task', (header) => expect(parsePrefer(header).respondAsync).toBe(true));

  it.each([
    '',
    'respondasync',
    'respond-async=1',
    'respond-async=1, respond-async',
    'foo="a, respond-async"',
    'foo="a\\", respond-async"',
    'foo="a\\\\\\", respond-async"',
    'foo; x="y, respond-async"',
    'foo="a, respond-async',
    'x;respond-async',
    '"respond-async"',
    'respond-async x',
  ])('%s does not', (header) => expect(parsePrefer(header).respondAsync).toBe(false));

  it.each([
    ['wait=5', 5],
    ['wait = "5"', 5],
    ['WAIT\t=\t5;x=y', 5],
    ['respond-async,wait=5', 5],
    ['foo="a, wait=1", wait=5', 5],
    ['wait=5, wait=1', 5],
    ['wait=x, wait=1', null],
    ['wait', null],
    ['wait=-1', null],
    ['wait=1.5', null],
    ['wait="5', null],
    ['wait=5 5', null],
    ['x;wait=5', null],
  ])('%s waits %s seconds', (header, seconds) => expect(parsePrefer(header).waitSeconds).toBe(seconds));
});

describe('Cache-Control', () => {
  it.each(['no-cache', 'max-age=0, No-Cache', 'no-cache="x"', 'a="b,c",no-cache'])('%s asks the database', (header) =>
    expect(asksFresh(header)).toBe(true),
  );
  it.each([undefined, '', 'max-age=0', 'private="no-cache"', 'a="b, no-cache"', 'x-no-cache', 'no-cache-x', 'x=no-cache'])(
    '%s does not',
    (header) => expect(asksFresh(header)).toBe(false),
  );
});

describe('Content-Type', () => {
  it.each([
    'application/json',
    ' Application/JSON ;',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json; charset="UTF\\-8"',
    'application/json; charset = utf-8',
  ])('%s is JSON in UTF-8', (header) => expect(isJson(header)).toBe(true));
  it.each([
    undefined,
    'application/json; charset=utf-16',
    'application/json; charset="utf-8',
    'application/json; charset=utf-8"',
    'application/json; charset = utf-16',
    'application/json; charset=utf-16; charset=utf-8',
    'application/json; charset="utf-8;charset=utf-16"',
    'application/json; a="; charset=utf-8"',
    'application/json, text/plain',
    '"application/json"',
  ])('%s is not', (header) => expect(isJson(header)).toBe(false));
});

describe('an Idempotency-Key', () => {
  it.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    ['"abc";a=b; c="d;e"', 'abc'],
    ['a;b=c', 'a;b=c'],
    ['"a;b=c"', 'a;b=c'],
    ['a\\b', 'a\\b'],
    ['"a\\\\b"', 'a\\b'],
    ['"a\\"b"', 'a"b'],
    [`"${'\\"'.repeat(255)}"`, '"'.repeat(255)],
  ])('%s is %s', (header, key) => expect(parseIdempotencyKey(header)).toBe(key));
  it.each(['', '""', '"', 'a b', '"a b"', '"a', '"a\\"', '"a\\b"', '"a" b', '"a", "b"', '"a";b c', '"a";b="', `"${'\\"'.repeat(256)}"`])(
    '%s is none',
    (header) => expect(codeOf(() => parseIdempotencyKey(header))).toBe('invalid-idempotency-key'),
  );
});

describe('an entity tag', () => {
  // Weakened by nginx, and with the coding that Apache, Jetty and others append.
  it.each(['"2"', 'W/"2"', '"2-gzip"', 'W/"2-gzip"', '"2--gzip"', '"2;gzip"', '"2-br"', '"2-zstd"', '"2-deflate"'])(
    '%s is version 2, whatever a proxy made of it',
    (tag) => {
      expect(parseIfMatch(tag)).toEqual([2]);
      expect(parseIfNoneMatch(tag)(2)).toBe(true);
      expect(parseIfNoneMatch(tag)(1)).toBe(false);
    },
  );

  it.each(['"2-1"', '"2-"', '"-gzip"', '"2-gzip-gzip"', '"2-gzipped"', '"02"', '"x"', '""'])('%s is not of ours', (tag) => {
    expect(codeOf(() => parseIfMatch(tag))).toBe('invalid-precondition');
    expect(parseIfNoneMatch(tag)(2)).toBe(false);
  });

  it.each(['"a,2","3"', '"a\\", "3"', ',"3" ,'])('of a list, as in %s, may have commas and backslashes', (tags) => {
    expect(parseIfNoneMatch(tags)(3)).toBe(true);
    expect(parseIfNoneMatch(tags)(2)).toBe(false);
  });

  it.each(['', ',', '2', '"2', '"2""3"', '"2" "3"', '*, "2"', 'w/"2"', 'W/ "2"', '"2" x', '"2\t"'])('%j cannot be read', (tags) => {
    expect(codeOf(() => parseIfMatch(tags))).toBe('invalid-precondition');
    expect(codeOf(() => parseIfNoneMatch(tags))).toBe('invalid-precondition');
  });
});
