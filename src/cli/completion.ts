import type { Command, Option } from 'commander';

/** What the TAB key may put at the place of the last word, in the order of the help. */
export const suggestions = (root: Command, typed: readonly string[]): string[] => {
  // Bash makes a word of each =, other shells do not.
  const words = [...typed.slice(0, -1), typed.at(-1) === '=' ? '' : (typed.at(-1) ?? '')].filter((word) => word !== '=');
  const last = words.pop() ?? '';
  const [, name, start] = /^(--[\w-]+)=(.*)$/.exec(last) ?? [];
  if (name !== undefined) return suggestions(root, [...words, name, start ?? '']).map((word) => `${name}=${word}`);

  let command = root;
  let valued: Option | undefined;
  const others: string[] = [];
  for (const word of words) {
    const option = valued ? undefined : [...command.options, ...root.options].find(({ short, long }) => word === short || word === long);
    const below = others.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
    if (valued === undefined && option === undefined) {
      if (below) command = below;
      else others.push(word);
    }
    valued = option?.required ? option : undefined;
  }
  if (valued) return matching(valued.argChoices ?? [], last);
  if (last.startsWith('-')) {
    const global = command === root ? [] : root.options.filter(({ long }) => long !== '--version');
    return matching([...[...command.options, ...global].flatMap(({ long }) => long ?? []), '--help'], last);
  }
  if (command.name() === 'help') return matching(namesBelow(root, others), last);
  const choices = command.registeredArguments[others.length]?.argChoices ?? [];
  return matching([...(others.length === 0 ? namesBelow(command, []) : []), ...choices], last);
};

/** The commands below one, and below those that the path names. */
const namesBelow = (command: Command, [next, ...path]: readonly string[]): string[] => {
  const below = command.createHelp().visibleCommands(command);
  if (next === undefined) return below.map((one) => one.name());
  const found = below.find((one) => one.name() === next);
  return found ? namesBelow(found, path) : [];
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
