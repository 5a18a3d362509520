"""Completion of `jamcam` as text that bash, zsh and fish read; pure functions of the verbs.

None of the scripts starts a program: what is completed is what the verbs took when it was written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """An option, or a positional argument.

    `values` are None where it takes none, as a switch; empty: they are not known. `takes` is "file" or
    "folder" where such may stand for it, too. A positional argument may be one of any number, `is_many`.
    """

    text: str
    help: str
    values: tuple[str, ...] | None = ()
    takes: str = ""
    is_many: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A verb, or with the name "" what may stand without one."""

    name: str
    help: str
    options: tuple[Word, ...]
    positionals: tuple[Word, ...]


# Both read the words before the one to complete: an option that waits for its value, the verb, and how many
# words stand behind that. Lines are filled in for @...@.
BASH = r"""# Completion of jamcam for bash; `jamcam completion bash` wrote it.
_jamcam() {
  local current=${COMP_WORDS[COMP_CWORD]} option= verb= word known= kind=
  local -i place=0
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ $word == = ]]; then continue; fi  # where bash takes --option=value apart
    if [[ $option ]]; then option=; continue; fi
    case $word in
      (@VALUED@) option=$word ;;
      (-*) ;;
      (*) if [[ $verb ]]; then place+=1; else verb=$word; fi ;;
    esac
  done
  if [[ $current == = ]]; then current=; fi
  case $option in
@VALUES@
    (?*) kind=value ;;
    (*) if [[ $current == -* ]]; then kind=option; else kind=word; fi ;;
  esac
  case $kind:$verb:$place in
@VERBS@
  esac
  COMPREPLY=($(compgen -W "$known" -- "$current"))
  case $kind in
    (option) if [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2> /dev/null; fi ;;
    (file|folder)
      local IFS=$'\n' which=-f
      if [[ $kind == folder ]]; then which=-d; fi
      COMPREPLY+=($(compgen $which -- "$current"))
      compopt -o filenames 2> /dev/null ;;
  esac
}
complete -F _jamcam jamcam"""

ZSH = r"""#compdef jamcam
# Completion of jamcam for zsh; `jamcam completion zsh` wrote it.
_jamcam() {
  local option= verb= word kind=
  local -a known described switches
  local -i place=0
  for word in "${(@)words[2,CURRENT-1]}"; do
    if [[ -n $option ]]; then option=; continue; fi
    case $word in
      (@VALUED@) option=$word ;;
      (-*) ;;
      (*) if [[ -n $verb ]]; then place+=1; else verb=$word; fi ;;
    esac
  done
  if [[ -z $option && ${words[CURRENT]} == --*=* ]]; then
    option=${words[CURRENT]%%=*}
    compset -P 1 '*='
  fi
  case $option in
@VALUES@
    (?*) kind=value ;;
    (*) if [[ ${words[CURRENT]} == -* ]]; then kind=option; else kind=word; fi ;;
  esac
  case $kind:$verb:$place in
@VERBS@
  esac
  if (( $#known )); then compadd -- $known; fi
  case $kind in
    (option) _describe -o option described -S ''; _describe -o option switches ;;
    (file) _files ;;
    (folder) _files -/ ;;
    (word) if (( $#described )); then _describe verb described; fi ;;
  esac
}
if [[ $funcstack[1] == _jamcam ]]; then _jamcam; else compdef _jamcam jamcam; fi"""


def bash(commands: Sequence[Command]) -> str:
    """For bash 3.2 and newer, with or without the package bash-completion."""

    def sets(word: Word) -> str:
        known = [f"known='{' '.join(word.values)}'"] if word.values else []
        return " ".join([*known, *([f"kind={word.takes}"] if word.takes else [])]) or ":"

    def options(command: Command) -> str:
        texts = (each.text if each.values is None else f"{each.text}=" for each in command.options)
        return f"known='{' '.join(texts)}'"

    verbs = f"known='{' '.join(command.name for command in commands if command.name)}'"
    return _filled(BASH, commands, sets=sets, options=options, verbs=verbs)


def zsh(commands: Sequence[Command]) -> str:
    """For a file `_jamcam` in a folder of `fpath`, or for `source` behind compinit."""

    def sets(word: Word) -> str:
        known = [f"known=({' '.join(word.values)})"] if word.values else []
        return " ".join([*known, *([f"kind={word.takes}"] if word.takes else [])]) or ":"

    def options(command: Command) -> str:
        valued = (
            _described(f"{each.text}=", each.help) for each in command.options if each.values is not None
        )
        switches = (_described(each.text, each.help) for each in command.options if each.values is None)
        return f"described=({' '.join(valued)}) switches=({' '.join(switches)})"

    named = (_described(command.name, command.help) for command in commands if command.name)
    return _filled(ZSH, commands, sets=sets, options=options, verbs=f"described=({' '.join(named)})")


def _filled(
    script: str,
    commands: Sequence[Command],
    *,
    sets: Callable[[Word], str],
    options: Callable[[Command], str],
    verbs: str,
) -> str:
    """The script for these commands.

    Args:
        sets: writes what assigns the values of a word.
        options: writes what assigns the options of a command.
        verbs: assigns all verbs.
    """
    valued = {each.text: each for one in commands for each in one.options if each.values is not None}
    values = [f"    ({text}) {sets(word)} ;;" for text, word in valued.items() if word.values or word.takes]
    cases = [f"    (word::*) {verbs} ;;"]
    for command in commands:
        cases.append(f"    (option:{command.name}:*) {options(command)} ;;")
        for place, word in enumerate(command.positionals):
            where = "*" if word.is_many else place
            cases.append(f"    (word:{command.name}:{where}) {sets(word)} ;;")
    parts = {"@VALUED@": "|".join(valued), "@VALUES@": "\n".join(values), "@VERBS@": "\n".join(cases)}
    for mark, part in parts.items():
        script = script.replace(mark, part)
    return script


def _described(text: str, help: str) -> str:
    """A word and its help as zsh's _describe takes them, quoted."""
    return "'" + f"{text}:{help}".replace("'", r"'\''") + "'"


def fish(commands: Sequence[Command]) -> str:
    """For a file `jamcam.fish` in a folder of `fish_complete_path`, or for `source`."""
    names = [command.name for command in commands if command.name]
    start = "__jamcam_without_verb"
    lines = [
        "# Completion of jamcam for fish; `jamcam completion fish` wrote it.",
        f"function {start}",
        f"    not __fish_seen_subcommand_from {' '.join(names)}",
        "end",
        "complete -c jamcam -f",
    ]
    for command in commands:
        when = f"-n '{f'__fish_seen_subcommand_from {command.name}' if command.name else start}'"
        if command.name:
            lines.append(f"complete -c jamcam -n {start} -a {command.name} -d {_fish(command.help)}")
        for each in command.options:
            name = each.text.removeprefix("--")
            value = "" if each.values is None else f" {_fish_values(each)}"
            lines.append(f"complete -c jamcam {when} -l {name} -d {_fish(each.help)}{value}")
        for each in command.positionals:
            files = " -F" if each.takes == "file" else ""
            listed = f" -a '{' '.join(each.values)}'" if each.values else ""
            lines.append(f"complete -c jamcam {when}{files}{listed} -d {_fish(each.help)}")
    return "\n".join(lines)


def _fish_values(word: Word) -> str:
    known = " ".join(word.values or ()) if word.takes != "folder" else "(__fish_complete_directories)"
    listed = f" -a '{known}'" if known else ""
    return f"{'-r -F' if word.takes == 'file' else '-x'}{listed}"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", r"\\").replace("'", r"\'") + "'"


SCRIPTS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
