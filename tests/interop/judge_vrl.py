"""Says of each record whether a condition of Vector is met: compiled and run by Vector's own language, VRL.

stdin has {"condition", "records"}; stdout gets one word for each record, true or false.
"""

import json
import sys

import pyvrl

asked = json.load(sys.stdin)
condition = pyvrl.Transform(asked["condition"])
for record in asked["records"]:
    answer = condition.remap(record)
    if not isinstance(answer, bool):
        sys.exit(f"a condition is true or false, and not {answer}")
    print(str(answer).lower())
