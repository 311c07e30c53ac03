"""check_types.py DASHBOARD: what Grafana's types (grafana-foundation-sdk) do not know of a dashboard is lost when it goes through them."""

import json
import sys

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(before: object, after: object, where: str) -> list[str]:
    """What is not in `after` as it was. Members that it has besides are defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            one for name, value in before.items() for one in lost(value, after.get(name, "nothing"), f"{where}/{name}")
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            one for at, (left, right) in enumerate(zip(before, after)) for one in lost(left, right, f"{where}/{at}")
        ]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


plugins.register_default_plugins()
with open(sys.argv[1], encoding="utf-8") as file:
    dashboard = json.load(file)
read = Dashboard.from_json(dashboard)
findings = lost(dashboard, json.loads(json.dumps(read, cls=JSONEncoder)), "")
print("\n".join(findings) if findings else f"Grafana's types know all of {sys.argv[1]}")
sys.exit(1 if findings else 0)
