/** What a message costs beside its text, while it waits to be sent. */
const MESSAGE_BYTES = 256;

/** `moved`: when a message left last, or the first one that waits came. */
type Held = { bytes: number; moved: number; readonly cut: () => void };

export type FeedRoom = ReturnType<typeof feedRoom>;

/** The bytes that wait for all clients of the live feed together. Where they are too many, who has taken nothing for longest is cut off. */
export const feedRoom = (roomBytes: number, now = () => performance.now()) => {
  const clients = new Set<Held>();
  let total = 0;

  const leave = (client: Held): void => {
    if (clients.delete(client)) total -= client.bytes;
  };

  const cutStalest = (): void => {
    const waiting = [...clients].filter(({ bytes }) => bytes > 0);
    const stalest = waiting.reduce((stalest, one) => (one.moved < stalest.moved ? one : stalest));
    leave(stalest);
    stalest.cut();
  };

  return {
    enter: (cut: () => void) => {
      const client: Held = { bytes: 0, moved: 0, cut };
      clients.add(client);
      return {
        /** Counts a message, until what it returns is called. */
        add: (length: number): (() => void) => {
          const bytes = length + MESSAGE_BYTES;
          if (client.bytes === 0) client.moved = now();
          client.bytes += bytes;
          if (clients.has(client)) total += bytes;
          if (total > roomBytes) cutStalest();
          return () => {
            client.moved = now();
            client.bytes -= bytes;
            if (clients.has(client)) total -= bytes;
          };
        },
        leave: () => leave(client),
      };
    },
  };
};
