"""Commands in the midst of a sentence, and those that `wellhead … --help` gives as examples: they, and their options, have to exist."""

import functools
import re
import shlex
import subprocess

CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def problems(root, build, pages):
    found = []
    for page in pages:
        text = re.sub(r"^```.*?^```$", lambda block: "\n" * block.group().count("\n"), (root / page).read_text(), flags=re.M | re.S)
        for match in CODE.finditer(text):
            wrong = wrong_with(root, build, match.group(1))
            if wrong:
                found.append(f"{page}:{text.count(chr(10), 0, match.start()) + 1}: `{match.group(1)}`: {wrong}")
    return found


def wrong_with(root, build, code):
    try:
        words = shlex.split(code)
    except ValueError:
        return None
    if not words or "…" in code:
        return None
    if words[0] == "wellhead":
        return wrong_command(str(build / "app/wellhead/wellhead"), words[1:])
    if re.match(r"(scripts|tools|tests)/\w", words[0]) and len(words) > 1:
        script = root / words[0]
        if not script.is_file():
            return "there is no such file"
        text = script.read_text()
        if words[0] == "scripts/bench" and (root / "benchmarks" / words[1]).is_file():
            text += (root / "benchmarks" / words[1]).read_text()
        missing = [word for word in words[1:] if word.startswith("--") and word.partition("=")[0] not in text]
        return f"it has no {missing[0]}" if missing else None
    return None


@functools.lru_cache(maxsize=None)
def help_of(program, words):
    answer = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=False)
    return answer.stdout if answer.returncode == 0 else None


def wrong_command(program, words):
    path = ()
    for word in words:
        listed = re.search(r"^Subcommands:\n((?:  .*\n)+)", help_of(program, path) + "\n", re.M)
        if word.startswith("-") or not listed:
            break
        if not re.search(rf"^  {re.escape(word)} ", listed.group(1), re.M):
            return f"wellhead {' '.join(path)} has no {word}" if re.fullmatch(r"[a-z-]+", word) else None
        path += (word,)
    missing = [word for word in words if word.startswith("--") and not re.search(rf"{re.escape(word.partition('=')[0])}\b", help_of(program, path))]
    return f"wellhead {' '.join(path)} has no {missing[0]}" if missing and path != ("psql",) else None


def example_problems(program, path=()):
    """Of the examples of a command and of those below it, which the site's reference shows."""
    text = help_of(program, path)
    found = []
    for line in re.findall(r"^  (?:.*\| )?wellhead (.*)", text.partition("\nExamples:\n")[2], re.M):
        wrong = wrong_command(program, shlex.split(re.split(r"\s{2,}", line)[0]))
        found += [f"wellhead {' '.join(path)} --help: {line}: {wrong}"] if wrong else []
    listed = re.search(r"^Subcommands:\n((?:  .*\n)+)", text + "\n", re.M)
    for name in re.findall(r"^  (\S+)", listed.group(1) if listed else "", re.M):
        found += example_problems(program, (*path, name))
    return found
