declare module 'language-tags' {
  const tags: {
    /** Whether the tag is well-formed and all its subtags are in the IANA registry. */
    check(tag: string): boolean;
  };
  export default tags;
}
