import type { FastifyInstance } from 'fastify';
import type { CommandName } from '../../../application/commands/index.ts';
import type { ProblemCode } from '../../../domain/problem.ts';
import type { Api } from '../dependencies.ts';
import { viewCountResponse } from '../schemas/command.ts';
import { type CommandRow, commandRoute } from './command-route.ts';

const ONE_USER = ['invalid-user-id', 'user-not-found', 'user-deleted'] as const;

const change = (path: string, summary: string, example: unknown, ...refuses: ProblemCode[]): CommandRow => ({
  method: 'PATCH',
  url: `/api/users/:user_id/${path}`,
  operationId: `change-${path}`.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
  summary,
  status: 200,
  example,
  refuses: [...ONE_USER, 'user-blocked', ...refuses],
});
const act = (path: string, summary: string, example?: unknown, ...refuses: ProblemCode[]): CommandRow => ({
  method: 'POST',
  url: `/api/users/:user_id/${path}`,
  operationId: `${path}User`,
  summary,
  status: 200,
  example,
  refuses: [...ONE_USER, ...refuses],
});

/** One row per command; `internal` ones are only run as tasks. A command without a row does not compile. */
export const rows: { [K in CommandName]: CommandRow | 'internal' } = {
  create: {
    method: 'POST',
    url: '/api/users',
    operationId: 'createUser',
    summary: 'Create a user',
    status: 201,
    example: {
      user_id: '550e8400-e29b-41d4-a716-446655440000',
      username: { first_name: 'John', last_name: 'Doe' },
      phone: '+79991234567',
      email: 'john.doe@example.com',
      language_code: 'en',
    },
    bodyRules: { if: { required: ['email'] }, else: { required: ['phone'] } },
    refuses: ['user-exists', 'user-deleted', 'email-taken', 'phone-taken', 'contact-required'],
  },
  update: {
    method: 'PATCH',
    url: '/api/users/:user_id',
    operationId: 'updateUser',
    summary: 'Change several fields at once',
    status: 200,
    mergePatch: true,
    example: { username: { last_name: 'Smith' }, phone: null, bio: 'Builds bridges.', privacy_settings: { show_email: true } },
    refuses: [...ONE_USER, 'user-blocked', 'email-taken', 'phone-taken', 'contact-required'],
  },
  change_username: change('username', 'Change the name', { first_name: 'John', last_name: 'Doe' }),
  change_email: {
    ...change('email', 'Change the email address', { new_email: 'new@example.com' }, 'email-taken', 'contact-required'),
    asynchronous: true,
  },
  change_phone: change('phone', 'Change the phone number', { new_phone: '+79991234568' }, 'phone-taken', 'contact-required'),
  change_avatar_url: change('avatar-url', 'Change the avatar', { new_avatar_url: 'https://cdn.example.com/john.png' }),
  change_bio: change('bio', 'Change the bio', { new_bio: 'Builds bridges.' }),
  change_date: change('birth-date', 'Change the birth date', { new_birth_date: '1990-05-21' }),
  change_language_code: change('language-code', 'Change the language', { new_language_code: 'pt-BR' }),
  change_privacy_settings: change('privacy-settings', 'Change privacy settings', { profile_visibility: 'users', show_email: true }),
  activate: act('activate', 'Activate', undefined, 'user-blocked'),
  deactivate: act('deactivate', 'Deactivate', undefined, 'user-blocked'),
  block: act('block', 'Block', { reason: 'Spam', until: '2099-01-31T12:00:00Z' }),
  unblock: act('unblock', 'Unblock'),
  record_profile_view: {
    method: 'POST',
    url: '/api/users/:user_id/profile-views',
    operationId: 'recordProfileView',
    summary: 'Record a view of a profile',
    status: 200,
    answers: viewCountResponse,
    example: { viewer_id: '6ba7b810-9dad-41d1-80b4-00c04fd430c8', source: 'search' },
    refuses: ONE_USER,
  },
  end_block: 'internal',
  delete: {
    method: 'DELETE',
    url: '/api/users/:user_id',
    operationId: 'deleteUser',
    summary: 'Delete for good',
    status: 204,
    refuses: ['invalid-user-id', 'user-not-found'],
  },
};

export const userRoutes = (server: FastifyInstance, api: Api): void => {
  for (const name of Object.keys(rows) as CommandName[]) {
    const row = rows[name];
    if (row !== 'internal') commandRoute(server, api, name, row);
  }
};
