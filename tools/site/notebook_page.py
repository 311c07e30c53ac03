"""A notebook as a page: its texts as they are, its code, and what that said and drew."""

import base64
import json
import pathlib
import re


def page_of(path):
    """The page's Markdown, and its pictures by name."""
    notebook = json.loads(pathlib.Path(path).read_text())
    parts, pictures = [], {}
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            data = output.get("data", {"text/plain": output.get("text", "")})
            if "image/png" in data:
                name = f"{pathlib.Path(path).stem}-{number}.png"
                pictures[name] = base64.b64decode("".join(data["image/png"]))
                parts.append(f"![What the code above draws]({name})")
            elif "text/html" in data:
                # One block of HTML, which an empty line would end, in the site's style instead of the notebook's.
                table = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.S)
                table = table.replace('<table border="1" class="dataframe">', "<table>").replace(' style="text-align: right;"', "")
                parts.append("\n".join(line for line in table.splitlines() if line.strip()))
            else:
                parts.append("```text\n" + "".join(data["text/plain"]).rstrip("\n") + "\n```")
    return "\n\n".join(parts) + "\n", pictures
