/** A task id is `task_` and 128 random bits in base 32; the same bits, as a UUID, name its command in the log. */
export const taskId = (random: Uint8Array): string =>
  `task_${BigInt(`0x${Buffer.from(random).toString('hex')}`)
    .toString(32)
    .padStart(26, '0')}`;

export const isTaskId = (text: string): boolean => /^task_[0-7][0-9a-v]{25}$/.test(text);

export const commandIdOf = (task: string): string => {
  const bits = [...task.slice('task_'.length)].reduce((sum, digit) => sum * 32n + BigInt(Number.parseInt(digit, 32)), 0n);
  return bits
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
};
