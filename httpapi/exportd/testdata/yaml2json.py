"""Reads the YAML files named on standard input, one a line, with PyYAML and
prints what each holds as one line of JSON."""
import json
import sys

import yaml

# The C loader is the same YAML 1.1 reader, only faster.
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

for name in sys.stdin.read().splitlines():
    with open(name, encoding="utf-8") as f:
        print(json.dumps(yaml.load(f, Loader=loader)))
