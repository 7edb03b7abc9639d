import { type TSchema, Type } from 'typebox';
import { privacySettings } from '../../../application/commands/fields.ts';
import { userEventTypes } from '../../../domain/aggregates/user.ts';
import type { UserEvents } from '../../../domain/events/user-events.ts';
import { blockFields, userFields } from './user.ts';

type Fields<T> = { [F in keyof T]-?: TSchema };
type FieldsOf<T extends keyof UserEvents> = keyof (UserEvents[T]['data'] & UserEvents[T]['personal']);

const { username, email, phone, avatar_url, bio, birth_date, language_code } = userFields;

/** The fields of every event that has some; one that is missing does not compile. */
const fields: {
  [T in keyof UserEvents as [FieldsOf<T>] extends [never] ? never : T]: {
    data: Fields<UserEvents[T]['data']>;
    personal: Fields<UserEvents[T]['personal']>;
  };
} = {
  UserCreated: {
    data: { language_code, privacy_settings: userFields.privacy_settings },
    personal: { username, email, phone, avatar_url, bio, birth_date },
  },
  UserUsernameChanged: { data: {}, personal: { username } },
  UserEmailChanged: { data: {}, personal: { email } },
  UserPhoneChanged: { data: {}, personal: { phone } },
  UserAvatarUrlChanged: { data: {}, personal: { avatar_url } },
  UserBioChanged: { data: {}, personal: { bio } },
  UserBirthDateChanged: { data: {}, personal: { birth_date } },
  UserLanguageCodeChanged: { data: { language_code }, personal: {} },
  UserPrivacySettingsChanged: { data: { privacy_settings: privacySettings }, personal: {} },
  UserBlocked: { data: { until: blockFields.until }, personal: { reason: blockFields.reason } },
  UserUnblocked: {
    data: {
      ended_by: Type.Unsafe<string>({
        type: 'string',
        description: 'The command that ended the block, or `until`: its time was over. Older events do not say.',
        examples: ['unblock'],
      }),
    },
    personal: {},
  },
};

/** Later versions add fields, and what cannot be read any more is missing: so all are optional, and others are allowed. */
const open = (properties: Record<string, TSchema>, title: string, description: string) =>
  Type.Object(properties, { title, description, additionalProperties: true });
const allOptional = (properties: Record<string, TSchema>) =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)]));

const dataOf = (type: keyof UserEvents): TSchema => {
  const { data, personal } = (fields as Partial<Record<keyof UserEvents, { data: object; personal: object }>>)[type] ?? {};
  const own = {
    ...allOptional({ ...data }),
    ...(Object.keys(personal ?? {}).length > 0 && {
      personal: Type.Optional(open(allOptional({ ...personal }), `${type}Personal`, 'What identifies or describes the person.')),
    }),
  };
  return open(
    { changed: Type.Array(Type.String(), { description: 'The fields that the event sets.' }), ...own },
    Object.keys(own).length > 0 ? `${type}Data` : 'EventData',
    'What happened. Fields come with later versions.',
  );
};

const eventOf = (type: keyof UserEvents): TSchema =>
  Type.Object(
    {
      specversion: Type.Literal('1.0'),
      id: Type.String({ description: '<stream>:<version>; the same wherever the event is seen.' }),
      source: Type.Literal('/lumin/users'),
      type: Type.Literal(`lumin.users.${type}.v1`),
      subject: Type.String({ format: 'uuid', description: 'The user.' }),
      time: Type.String({ format: 'date-time' }),
      datacontenttype: Type.Literal('application/json'),
      position: Type.String({ description: 'Place in the log of all users, a decimal number.', pattern: '^[0-9]+$' }),
      version: Type.Integer({ minimum: 1, format: 'int32', description: "Place in the user's own history." }),
      actor: Type.Optional(Type.String({ description: 'Who changed the user, where that is known.' })),
      correlationid: Type.Optional(Type.String({ description: 'X-Request-Id of the request.' })),
      traceparent: Type.Optional(Type.String({ description: 'W3C Trace Context of the change, where it was traced.' })),
      data: dataOf(type),
    },
    { title: `${type}Event`, additionalProperties: false },
  );

export const eventSchema = Type.Unsafe<object>({
  title: 'Event',
  description: 'An event in CloudEvents 1.0 form.',
  oneOf: userEventTypes.map(eventOf),
  discriminator: {
    propertyName: 'type',
    mapping: Object.fromEntries(userEventTypes.map((type) => [`lumin.users.${type}.v1`, `#/components/schemas/${type}Event`])),
  },
});
