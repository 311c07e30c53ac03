"""notebook_outputs.py keep|compare EXECUTED COMMITTED: keeps the outputs of an executed notebook in the committed one, or holds the two together.

compare wants the same texts and as many pictures; of pictures only that they are there, because fonts differ from machine to machine.
"""

import difflib
import json
import pathlib
import sys

MOST_BYTES = 600_000
# What a text must not have: it would differ on another machine, or tell of this one.
FOREIGN = ("127.0.0.1", "localhost", "/home/", "/root/", "/tmp/", "/work/")


def texts(notebook):
    """The lines of every output, under its cell's number."""
    lines = []
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            lines.append(f"cell {number}: {output['output_type']}")
            parts = {"text": output["text"]} if "text" in output else output.get("data", {})
            for kind, part in sorted(parts.items()):
                lines.append(f"cell {number}: {kind}")
                if not kind.startswith("image/"):
                    lines += "".join(part).splitlines()
    return lines


def bare(notebook):
    """Nothing in it that differs from one execution to the next."""
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] = {}
        cell["id"] = f"cell-{number}"
        for output in cell.get("outputs", []):
            output.pop("metadata", None) if output["output_type"] == "stream" else output.update(metadata={})
    return notebook


def main(action, executed_path, committed_path):
    executed = bare(json.loads(pathlib.Path(executed_path).read_text()))
    said = texts(executed)
    foreign = [line for line in said if any(word in line for word in FOREIGN)]
    complaints = [output["text"] for cell in executed["cells"] for output in cell.get("outputs", []) if output.get("name") == "stderr"]
    if complaints:
        sys.exit("the notebook's cells complain:\n" + "\n".join("".join(one) for one in complaints))
    if foreign:
        sys.exit("the notebook's outputs tell of this machine:\n" + "\n".join(foreign))
    text = json.dumps(executed, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if len(text.encode()) > MOST_BYTES:
        sys.exit(f"the notebook has {len(text.encode())} bytes, more than {MOST_BYTES}: fewer or smaller pictures, please")
    if action == "keep":
        pathlib.Path(committed_path).write_text(text)
        return
    committed = texts(json.loads(pathlib.Path(committed_path).read_text()))
    difference = list(difflib.unified_diff(committed, said, "committed", "executed", lineterm="", n=1))
    if difference:
        print("\n".join(difference))
        sys.exit(f"{committed_path} does not say what it says when it runs: tools/runner/notebook --execute --in-place")
    print(f"{committed_path}: {len(said)} lines of output, as committed")


if __name__ == "__main__":
    main(*sys.argv[1:])
