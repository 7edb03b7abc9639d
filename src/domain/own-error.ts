/** An error that this service itself makes. Its message is a text of ours without anybody's data, so the log keeps it. */
export class OwnError extends Error {}
