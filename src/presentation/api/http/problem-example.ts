import { type FieldError, Problem, type ProblemCode } from '../../../domain/problem.ts';
import { problemDocument } from './problems.ts';

const REQUEST_ID = '01890a5d-ac96-774b-bcce-b302099a8057';

const at = (pointer: string, code: string, detail: string): FieldError => ({ pointer, code, detail });

/** What a document of these codes names beside the reason. */
const errors: Partial<Record<ProblemCode, FieldError[]>> = {
  'contact-required': ['/email', '/phone'].map((pointer) =>
    at(pointer, 'contact-required', 'a user needs an email address or a phone number'),
  ),
  'email-taken': [at('/email', 'email-taken', 'another user has it')],
  'invalid-cursor': [at('/cursor', 'invalid-cursor', 'is not a cursor of this list')],
  'invalid-user-id': [at('/user_id', 'invalid-uuid', 'must be a UUID, neither all zeros nor all ones')],
  'phone-taken': [at('/phone', 'phone-taken', 'another user has it')],
  'query-and-body': [at('/new_bio', 'query-and-body', 'is in the query string, so there must be no body')],
  'validation-failed': [
    at('/username/first_name', 'too-short', 'must not be empty'),
    at('/email', 'invalid-email', 'must be an address like name@example.com'),
  ],
};

/** A problem document as a client gets it. */
export const problemExample = (code: ProblemCode) =>
  problemDocument(new Problem(code, errors[code] && { errors: errors[code] }), REQUEST_ID);
