/** A broken invariant: of whom, and why. Names no personal data. */
export type Violation = {
  invariant: 'positions' | 'versions' | 'unique-keys' | 'read-model' | 'profile-views';
  user_id: string | null;
  reason: string;
};
