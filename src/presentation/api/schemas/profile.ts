import { type TSchema, Type } from 'typebox';
import { orNull } from '../../../application/commands/fields.ts';
import type { SeenProfile } from '../../../application/queries/get-profile.ts';
import type { Viewer } from '../../../domain/entities/profile-view.ts';
import { userName } from './user.ts';

export const profileSchema = Type.Object(
  {
    user_id: Type.String({ format: 'uuid' }),
    username: userName,
    avatar_url: orNull(Type.String({ format: 'uri', description: 'Address of the avatar.' })),
    language_code: Type.String({ description: 'BCP 47.' }),
    email: orNull(Type.String({ format: 'email', description: 'With `show_email`.' })),
    phone: orNull(Type.String({ description: 'With `show_phone`.' })),
    birth_date: orNull(Type.String({ format: 'date', description: 'With `show_birth_date`.' })),
    bio: orNull(Type.String({ description: 'With `show_bio`.' })),
    profile_views: orNull(Type.Integer({ minimum: 0, format: 'int64', description: 'Views that counted, with `show_profile_views`.' })),
  } satisfies Record<Exclude<keyof SeenProfile, 'shows_profile_views'>, TSchema>,
  {
    title: 'Profile',
    description: 'A user as somebody sees them. What may not be seen, and what is empty, is null.',
    additionalProperties: false,
  },
);

export const viewerSchema = Type.Object(
  {
    viewer_id: Type.String({ format: 'uuid' }),
    viewed_at: Type.String({ format: 'date-time', description: 'The last view that counted.' }),
    source: orNull(Type.String({ description: 'Where it was viewed from.' })),
  },
  { title: 'ProfileViewer', description: 'Who viewed a profile.', additionalProperties: false },
);

export const viewerView = ({ viewer_id, viewed_at, source }: Viewer) => ({ viewer_id, viewed_at, source });
