import { describe } from 'vitest';
import { UserId } from '../../../src/domain/value-objects/user-id.ts';
import { accepts, behavesLikeAValueObject, refuses } from '../../fixtures/value-object.ts';

describe('a user id', () => {
  accepts(UserId, [
    '550e8400-e29b-41d4-a716-446655440000',
    '01932c07-209c-7000-8000-000000000000',
    '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    '00000000-0000-0000-0000-000000000001',
    ['550E8400-E29B-41D4-A716-446655440000', '550e8400-e29b-41d4-a716-446655440000'],
  ]);
  refuses(UserId, 'invalid-uuid', [
    '',
    '1',
    '1 OR 1=1',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '550e8400e29b41d4a716446655440000',
    '{550e8400-e29b-41d4-a716-446655440000}',
    'urn:uuid:550e8400-e29b-41d4-a716-446655440000',
    '550e8400-e29b-41d4-a716-44665544000',
    '550e8400-e29b-41d4-a716-44665544000g',
    '550e8400-e29b-41d4-a716-446655440000 ',
    '550e8400-e29b-41d4-a716-44665544000\n',
    '550e8400-e29b-41d4-a716-44665544000\u0661',
    '../../../../../../../../etc/passwd\u0000\u0000',
  ]);
  behavesLikeAValueObject(UserId);
});
