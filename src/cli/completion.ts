import type { Command } from 'commander';

/** What the TAB key may put at the place of the last word, in its order. */
export const suggestions = (root: Command, typed: readonly string[]): string[] => {
  // Bash makes a word of each =, other shells do not.
  const words = [...typed.slice(0, -1), typed.at(-1) === '=' ? '' : (typed.at(-1) ?? '')].filter((word) => word !== '=');
  const last = words.at(-1) ?? '';
  const [, name, start] = /^(--[\w-]+)=(.*)$/.exec(last) ?? [];
  if (name !== undefined) return suggestions(root, [...words.slice(0, -1), name, start ?? '']).map((word) => `${name}=${word}`);
  let command = root;
  let inside: ReturnType<typeof optionOf>;
  let place = 0;
  for (const word of words.slice(0, -1)) {
    const option: ReturnType<typeof optionOf> = inside ? undefined : optionOf(root, command, word);
    if (inside === undefined && option === undefined) {
      const found = command.commands.find((one) => one.name() === word);
      if (found) command = found;
      else place++;
    }
    inside = option?.required ? option : undefined;
  }
  if (inside) return matching(inside.argChoices ?? [], last);
  const options = [...command.options, ...(command === root ? [] : root.options.filter(({ long }) => long !== '--version'))];
  if (last.startsWith('-')) return matching([...options.flatMap(({ long }) => long ?? []), '--help'], last);
  const { visibleCommands } = command.createHelp();
  if (command.name() === 'help') return matching(namesBelow(root, words.slice(words.indexOf('help') + 1, -1)), last);
  const names = visibleCommands.call(command.createHelp(), command).map((one) => one.name());
  return matching([...names, ...(command.registeredArguments[place]?.argChoices ?? [])], last);
};

const optionOf = (root: Command, command: Command, word: string) =>
  word.startsWith('-') ? [...command.options, ...root.options].find(({ short, long }) => word === short || word === long) : undefined;

const namesBelow = (root: Command, path: readonly string[]): string[] => {
  let command: Command | undefined = root;
  for (const name of path) command = command?.commands.find((one) => one.name() === name);
  return command
    ? command
        .createHelp()
        .visibleCommands(command)
        .map((one) => one.name())
    : [];
};

const matching = (words: readonly string[], start: string): string[] => words.filter((word) => word.startsWith(start));

/** Shell functions that ask `lumin complete` with the words up to the cursor; nothing on the line is evaluated. */
export const completion = {
  bash: `# Completion of lumin for bash: source <(lumin completion bash)
_lumin() {
  local IFS=$'\\n'
  COMPREPLY=($(lumin complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -F _lumin lumin
`,
  zsh: `#compdef lumin
# Completion of lumin for zsh: source <(lumin completion zsh)
_lumin() {
  local -a found
  found=(\${(f)"$(lumin complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a found
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _lumin lumin
`,
};
