"""reference.py WELLHEAD SERVER_URL DIRECTORY: makes the reference's pages of what there is: of `wellhead … --help`, of .env.example (which a
test holds to the program's settings), of a running server's OpenAPI document, and of the comments in its database.

Settings in the environment say where the database is, as for any command of wellhead.
"""

import json
import pathlib
import re
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def said(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def cell(text):
    """As one cell of a table; braces and angles are text."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell(one) if one is not None else "" for one in row) + " |" for row in rows]
    return "\n".join(lines)


# The command line.


def sections(help_text):
    """A help text's parts by their headings; the first has none."""
    parts, name = {"": []}, ""
    for line in help_text.splitlines():
        heading = re.fullmatch(r"([A-Z]\w+):", line)
        if heading:
            name = heading.group(1)
            parts[name] = []
        else:
            parts[name].append(line)
    return {name: "\n".join(lines).strip("\n") for name, lines in parts.items()}


def command_pages(program, words):
    parts = sections(said(program, *words, "--help"))
    intro, usage = re.match(r"(.*?)\n?Usage: \S+ *(.*)", parts[""], re.S).groups()
    name = " ".join(("wellhead", *words))
    # CLI11 names a subcommand by its last word alone.
    arguments = re.sub(rf"^{re.escape(' '.join(words))} ?", "", usage.strip()) if words else usage.strip()
    yield f"{'#' * min(len(words) + 2, 4)} {name}\n\n{intro.strip()}\n"
    shown = [f"{name} {arguments}"] + [f"\n{part}:\n{parts[part]}" for part in ("Positionals", "Options") if part in parts]
    yield "```text\n" + "\n".join(shown) + "\n```\n"
    if "Settings" in parts:
        flags = re.findall(r"^  (--[\w-]+(?:,--[\w-]+)*)", parts["Settings"], re.M)
        yield f"Settings as flags: {', '.join(f'`{flag}`' for flag in flags)}. [Settings](settings.md) says what they mean.\n"
    if "Examples" in parts:
        yield "```text\n" + parts["Examples"] + "\n```\n"
    for child in re.findall(r"^  (\w+)  ", parts.get("Subcommands", ""), re.M):
        yield from command_pages(program, (*words, child))


def cli(program):
    return "# Command line\n\nMade of `wellhead … --help`.\n\n" + "\n".join(command_pages(program, ()))


# Settings.


def settings():
    """Of .env.example: `# --- Heading ---`, comment lines, `#NAME=value`, with empty lines between."""
    page = ["# Settings", "", "Made of `.env.example`, which is the file to begin with.", ""]
    for block in re.split(r"\n{2,}|\n(?=#\n)", (ROOT / ".env.example").read_text()):
        lines = [line for line in block.splitlines() if line.strip("# ")]
        if not lines:
            continue
        heading = re.fullmatch(r"# --- (.*) ---", lines[0])
        if heading:
            page += [f"## {heading.group(1)}", ""]
            lines = lines[1:]
        comment = [line[2:] for line in lines if line.startswith("# ")]
        values = [line[1:] for line in lines if re.match(r"#[A-Z]", line)]
        page += [f"### {value.partition('=')[0]}\n" for value in values[:1]]
        page += [" ".join(comment).replace("<", "&lt;") + "\n"] if comment else []
        page += ["```ini\n" + "\n".join(values) + "\n```\n"] if values else []
    return "\n".join(page)


# The API.


def kind_of(schema):
    kind = schema.get("type", "")
    kind = " or ".join(one for one in kind if one != "null") if isinstance(kind, list) else kind
    if kind == "array":
        return f"{kind_of(schema.get('items', {}))}, may be repeated"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    return schema.get("format", kind) if kind == "string" else kind


def operation(document, method, path, about):
    page = [f"### {method.upper()} {path}", "", f"{about.get('summary', '')}. {about.get('description', '')}".strip(), ""]
    roles = sorted({role for one in about.get("security", []) for names in one.values() for role in names})
    if roles:
        page += [f"With a key of: {', '.join(roles)}, or one that may do more.", ""]
    parameters = [resolved(document, one) for one in about.get("parameters", [])]
    if parameters:
        rows = [(f"`{one['name']}`", one["in"], kind_of(one.get("schema", {})), one.get("description", "")) for one in parameters]
        page += [table(("parameter", "in", "type", ""), rows), ""]
    answers = [(status, resolved(document, answer).get("description", "")) for status, answer in sorted(about["responses"].items())]
    return page + [table(("answer", ""), answers), ""]


def resolved(document, part):
    for name in part["$ref"].split("/")[1:] if "$ref" in part else ():
        document = document[name]
        part = document
    return part


def api(document):
    page = ["# REST API", "", "Made of the server's OpenAPI document, which is at `/openapi.json`, and at `/docs` as a page to try it on. All of it is also below `/v1`, "
            "which is what programs should use. The rules of filters, lists and formats are on the [first page](../index.md#the-api).", ""]
    operations = [(path, method, about) for path, methods in document["paths"].items() for method, about in methods.items() if "responses" in about]
    page += [table(("route", ""), [(f"`{method.upper()} {path}`", about.get("summary", "")) for path, method, about in operations]), ""]
    for tag in dict.fromkeys(about.get("tags", ["Other"])[0] for _, _, about in operations):
        page += [f"## {tag}", ""]
        for path, method, about in operations:
            if about.get("tags", ["Other"])[0] == tag:
                page += operation(document, method, path, about)
    return "\n".join(page)


# The tables.

DICTIONARY = """
SELECT json_agg(one ORDER BY one.made_of_view DESC, one.name) FROM (
  SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment,
    c.relname IN (SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'raw_frame' OR attname = 'component_index') AS made_of_view,
    (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'required', a.attnotnull,
        'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT string_agg(a.attname, ', ' ORDER BY array_position(i.indkey::int2[], a.attnum)) FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary) AS key
  FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace) one
"""


def tables(program):
    page = ["# Tables", "", "Made of the comments in the database, which `\\d+` in psql shows too. A table that a view of yours makes has the view's descriptions.", ""]
    found = json.loads(said(program, "psql", "-X", "-At", "-c", " ".join(DICTIONARY.split())))
    for title, of_view in (("What was loaded", True), ("Wellhead's own", False)):
        page += [f"## {title}", ""]
        for one in found:
            if one["made_of_view"] == of_view:
                rows = [(f"`{column['name']}`", column["type"], "yes" if column["required"] else "", column["comment"] or "") for column in one["columns"]]
                page += [f"### {one['name']}", "", one["comment"] or "", "", f"Key: {one['key']}." if one["key"] else "", "",
                         table(("column", "type", "always there", ""), rows), ""]
    return "\n".join(page)


def main(program, server, directory):
    with urllib.request.urlopen(f"{server}/openapi.json", timeout=60) as answer:
        document = json.load(answer)
    pages = {"cli": cli(program), "settings": settings(), "api": api(document), "tables": tables(program)}
    folder = pathlib.Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
