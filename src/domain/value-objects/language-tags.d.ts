declare module 'language-tags' {
  const tags: {
    /** The IANA registry's entry for the subtag, or null. */
    type(subtag: string, kind: 'language' | 'script' | 'region' | 'variant'): object | null;
  };
  export default tags;
}
