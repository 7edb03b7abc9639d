import type { UserId } from '../value-objects/user-id.ts';
import type { ViewSource } from '../value-objects/view-source.ts';

/**
 * Someone looked at a profile. Views protect no rule of the user's, so they never touch the user's stream or row. The
 * viewer and the UTC clock hour are the natural key: one view of each counts, and one's own do not.
 */
export type ProfileView = Readonly<{ viewer_id: UserId; source: ViewSource | null; at: Date }>;

const HOUR_MS = 3_600_000;

/** The UTC clock hour that the view falls into. */
export const hourOf = ({ at }: Pick<ProfileView, 'at'>): Date => new Date(Math.floor(at.getTime() / HOUR_MS) * HOUR_MS);

/** Someone who viewed a profile, with the last view that counted. `position` is that view's place in the log. */
export type Viewer = Readonly<{ viewer_id: UserId; viewed_at: Date; source: string | null; position: number }>;
