import { type TSchema, Type } from 'typebox';
import type { SeenProfile } from '../../../application/queries/get-profile.ts';
import type { Viewer } from '../../../domain/entities/profile-view.ts';

const nullable = (description: string, format?: string) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], description, ...(format && { format }) });

export const profileSchema = Type.Object(
  {
    user_id: Type.String({ format: 'uuid' }),
    username: Type.Object({ first_name: Type.String(), last_name: nullable('Family name.') }, { additionalProperties: false }),
    avatar_url: nullable('Address of the avatar.', 'uri'),
    language_code: Type.String({ description: 'BCP 47.' }),
    email: nullable('With `show_email`.', 'email'),
    phone: nullable('With `show_phone`.'),
    birth_date: nullable('With `show_birth_date`.', 'date'),
    bio: nullable('With `show_bio`.'),
    profile_views: Type.Unsafe<number | null>({
      type: ['integer', 'null'],
      minimum: 0,
      description: 'Views that counted, with `show_profile_views`.',
    }),
  } satisfies Record<Exclude<keyof SeenProfile, 'shows_profile_views'>, TSchema>,
  { additionalProperties: false },
);

export const viewerSchema = Type.Object(
  {
    viewer_id: Type.String({ format: 'uuid' }),
    viewed_at: Type.String({ format: 'date-time', description: 'The last view that counted.' }),
    source: nullable('Where it was viewed from.'),
  },
  { additionalProperties: false },
);

export const viewerView = ({ viewer_id, viewed_at, source }: Viewer) => ({ viewer_id, viewed_at, source });
