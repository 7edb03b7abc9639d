/** What state a user can be in. The words are stored and public. */
export const userStatuses = ['active', 'inactive', 'blocked', 'deleted'] as const;

export type UserStatus = (typeof userStatuses)[number];
