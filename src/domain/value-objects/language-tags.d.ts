declare module 'language-tags' {
  type Kind = 'language' | 'extlang' | 'script' | 'region' | 'variant';

  /** The IANA registry's entry for a subtag; `preferred` is what its Preferred-Value names. */
  type Subtag = { data: { record: { Prefix?: string[] } }; type(): Kind; preferred(): Subtag | null; format(): string };

  /** A tag; `preferred` is only for one that the registry has as a whole. */
  type Tag = { type(): 'grandfathered' | 'redundant' | 'tag'; preferred(): Tag | null; format(): string };

  const tags: {
    (tag: string): Tag;
    subtags(subtag: string): Subtag[];
  };
  export default tags;
}
