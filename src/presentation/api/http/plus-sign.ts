/** In a query string, + stands for a space. No email address has a space, and no phone number begins with one. */
export const restorePlus = (query: Record<string, unknown>, emailName: string, phoneName: string): void => {
  const { [emailName]: email, [phoneName]: phone } = query;
  if (typeof email === 'string') query[emailName] = email.replaceAll(' ', '+');
  if (typeof phone === 'string') query[phoneName] = phone.replace(/^ /, '+');
};
