"""mkdocs's hooks: pages that lie outside of docs/ or are made from something else, and links that leave docs/.

The reference comes from the folder that SITE_REFERENCE names (tools/site/reference.py makes it); without it, the build fails.
"""

import os
import pathlib
import posixpath
import re

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

import notebook_page

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Page of the site: file of the repository.
ELSEWHERE = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "reference/python.md": "clients/python/README.md",
}
REFERENCE = ("cli", "settings", "api", "tables")
NOTEBOOK = "research/patients_and_observations"
# What stands for a page when the repository is read without the site.
ALIASES = {".env.example": "reference/settings.md", "docs/design": "design/README.md", f"docs/{NOTEBOOK}.ipynb": f"{NOTEBOOK}.md"}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files, config):
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    made = os.environ.get("SITE_REFERENCE")
    if not made:
        raise PluginError("SITE_REFERENCE names no folder with the reference: build the site with tools/runner/site")
    for name in REFERENCE:
        files.append(File.generated(config, f"reference/{name}.md", abs_src_path=str(pathlib.Path(made) / f"{name}.md")))
    text, pictures = notebook_page.page_of(ROOT / "docs" / f"{NOTEBOOK}.ipynb")
    files.append(File.generated(config, f"{NOTEBOOK}.md", content=text))
    for name, content in pictures.items():
        files.append(File.generated(config, f"research/{name}", content=content))
    return files


def place_of(page):
    """Where a page's text lies in the repository."""
    return ELSEWHERE.get(page, f"docs/{page}")


def page_of(place):
    """The page, or other file of the site, that a file of the repository is; None when it is not in the site."""
    for page, source in ELSEWHERE.items():
        if source == place:
            return page
    if place in ALIASES:
        return ALIASES[place]
    return place.removeprefix("docs/") if place.startswith("docs/") else None


def on_page_markdown(markdown, page, config, files):
    here = page.file.src_uri
    if here.startswith("reference/") and here not in ELSEWHERE:  # made for the site, as it is
        return markdown
    folder = posixpath.dirname(place_of(here))

    def led(match):
        picture, words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match.group(0)
        path, _, anchor = target.partition("#")
        if files.get_file_from_path(posixpath.normpath(posixpath.join(posixpath.dirname(here), path))):
            return match.group(0)
        place = posixpath.normpath(posixpath.join(folder, path))
        if not (ROOT / place).exists():
            raise PluginError(f"{place_of(here)} links to {target}, which is not there")
        there = page_of(place)
        if there is None:  # source code, which the site does not have
            return f"`{place}`" if words in (place, posixpath.basename(place)) else f"{words} (`{place}`)"
        link = posixpath.relpath(there, posixpath.dirname(here) or ".")
        return f"{picture}[{words}]({link}{'#' + anchor if anchor else ''})"

    # What stands in code is no link.
    parts = re.split(r"(^```.*?^```$|`[^`\n]+`)", markdown, flags=re.M | re.S)
    return "".join(part if number % 2 else LINK.sub(led, part) for number, part in enumerate(parts))
