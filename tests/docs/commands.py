"""commands.py BUILD_DIRECTORY [--group plain|s3|python|temporal] [--page PAGE]: runs every command of README and docs/.

A page's ```sh and ```console blocks are run one after the other, as one bash session, in a folder of its own that looks like a clone. Every command has to
end with 0; what a ```console block shows has to have the shape of what was said (`...` stands for any lines). Before a block may stand

    <!-- server -->      it is started in the background, waited for, and ended with the page
    <!-- elsewhere -->   other tests run its commands: elsewhere.txt has a line for each, that names the test

Nothing is left out in silence: a block without a language, a command without a line, a line without a command and a test that does not have what
the line says of it are errors. Commands in the midst of a sentence (`wellhead runs`) have to exist, with their options.
"""

import argparse
import pathlib
import re
import subprocess
import sys

import inline
import session
from pages import PAGES, page_settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUPS = {"plain": "tests/docs/run", "s3": "--group s3", "python": "--group python", "temporal": "--group temporal"}
# Pages whose indented blocks are pictures.
PICTURES = ("docs/ARCHITECTURE.md",)
COMMAND_WORDS = re.compile(r"^\s+(\$ |wellhead |fhirsim |scripts/|tools/|curl |docker |\$compose |cmake |export |pip |python3 |temporal |cp |bazel )")


class Block:
    def __init__(self, page, line, language, marks, lines):
        self.page, self.line, self.language, self.marks, self.lines = page, line, language, marks, lines

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks_of(page, problems):
    """The fenced blocks of a page; what looks like a command in any other is a problem."""
    found, marks, open_block = [], set(), None
    for number, line in enumerate((ROOT / page).read_text().splitlines(), start=1):
        fence = re.fullmatch(r"```(\w*)", line.rstrip())
        mark = re.fullmatch(r"<!-- (server|elsewhere) -->", line)
        if open_block is not None:
            if fence:
                found.append(open_block)
                open_block = None
            else:
                open_block.lines.append(line)
        elif fence:
            open_block = Block(page, number, fence.group(1), marks, [])
            marks = set()
            if not fence.group(1):
                problems.append(f"{open_block}: a block without a language: ```sh is run, ```text is not")
        elif mark:
            marks.add(mark.group(1))
        elif line.startswith("    ") and COMMAND_WORDS.match(line) and page not in PICTURES:
            problems.append(f"{page}:{number}: a command that stands in no ```sh block: {line.strip()}")
    return found


def commands_of(lines):
    """Commands as elsewhere.txt has them: one a line, without comments."""
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [command for line in joined.splitlines() if (command := re.sub(r"(^|\s)#\s.*", "", line).strip())]


def check_elsewhere(blocks, problems):
    lines = [line for line in (ROOT / "tests/docs/elsewhere.txt").read_text().splitlines() if line and not line.startswith("#")]
    listed = {}
    for line in lines:
        command, test, text = line.split(" => ")
        listed[command] = (test, text)
    used = set()
    for block in blocks:
        for command in commands_of(block.lines) if "elsewhere" in block.marks else ():
            used.add(command)
            if command not in listed:
                problems.append(f"{block}: nobody runs `{command}`: elsewhere.txt has no line for it")
    for command, (test, text) in listed.items():
        if command not in used:
            problems.append(f"tests/docs/elsewhere.txt: no page has `{command}`")
        if not (ROOT / test).is_file() or text not in (ROOT / test).read_text():
            problems.append(f"tests/docs/elsewhere.txt: {test} is not there or does not have {text!r}")


def pages():
    """All pages that people read, from git's point of view."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "README.md", "CONTRIBUTING.md", "clients/*.md", "docs/*.md"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [page for page in listed if (ROOT / page).is_file()]


def main():
    parser = argparse.ArgumentParser(prog="tests/docs/commands.py")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--group", choices=list(GROUPS), default="plain")
    parser.add_argument("--page", action="append", help="this page alone")
    arguments = parser.parse_args()
    build = arguments.build.resolve()

    problems, blocks = [], []
    for page in pages():
        blocks += blocks_of(page, problems)
    check_elsewhere(blocks, problems)
    problems += inline.problems(ROOT, build, pages())
    problems += inline.example_problems(str(build / "app/wellhead/wellhead"))
    problems += [f"tests/docs/pages.py: there is no page {page}" for page in PAGES if page not in pages()]
    test = (ROOT / "scripts/test").read_text()
    problems += [f"scripts/test does not run {command}" for command in GROUPS.values() if command not in test]
    if problems:
        sys.exit("\n".join(problems))

    run = commands = 0
    for page in pages():
        of_page = [block for block in blocks if block.page == page and block.language in ("sh", "console") and "elsewhere" not in block.marks]
        python = [block for block in blocks if block.page == page and block.language == "python"]
        settings = page_settings(page)
        if not (of_page or python) or settings.group != arguments.group or (arguments.page and page not in arguments.page):
            continue
        session.run_page(ROOT, build, page, settings, sorted(of_page + python, key=lambda block: block.line))
        run += 1
        commands += sum(len(commands_of(block.lines)) for block in of_page)
    print(f"{commands} lines of commands on {run} pages went well ({arguments.group}); the others are listed in tests/docs/elsewhere.txt")
    if not run:
        sys.exit("no page was run")


if __name__ == "__main__":
    main()
