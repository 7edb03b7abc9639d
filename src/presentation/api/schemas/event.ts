import { Type } from 'typebox';

export const eventSchema = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Type.String({ description: '<stream>:<version>; the same wherever the event is seen.' }),
    source: Type.Literal('/lumin/users'),
    type: Type.String({ examples: ['lumin.users.UserEmailChanged.v1'] }),
    subject: Type.String({ format: 'uuid', description: 'The user.' }),
    time: Type.String({ format: 'date-time' }),
    datacontenttype: Type.Literal('application/json'),
    position: Type.String({ description: 'Place in the log of all users, a decimal number.' }),
    version: Type.Integer({ minimum: 1, description: "Place in the user's own history." }),
    actor: Type.Optional(Type.String()),
    correlationid: Type.Optional(Type.String()),
    traceparent: Type.Optional(Type.String({ description: 'W3C Trace Context of the change, where it was traced.' })),
    data: Type.Object(
      {
        changed: Type.Array(Type.String(), { description: 'The fields that the event sets.' }),
        personal: Type.Optional(Type.Object({}, { description: 'The personal part.', additionalProperties: true })),
      },
      { description: 'What happened. Fields come with the type, and with later versions.', additionalProperties: true },
    ),
  },
  { $id: 'Event', title: 'Event', description: 'An event in CloudEvents 1.0 form.', additionalProperties: false },
);
