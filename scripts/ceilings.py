"""Numbers that may not grow: today's are kept in a file of the tests, and a check fails when one is well above its own.

For the scripts that count something which does not depend on how busy the machine is.
"""

import json
import os


def read(path):
    """What is kept; nothing where no file is."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path, ceilings, **layout):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(ceilings, file, indent=2, **layout)
        file.write("\n")
    print("written to " + os.path.relpath(path))


def verdict(path, ceilings, grown, where):
    """The exit code of a check; `grown` has a sentence for each number that is too large, `where` is where to look."""
    if not ceilings:
        print("there is no %s to compare with; --update makes it" % os.path.relpath(path))
        return 1
    for sentence in grown:
        print("GREW  " + sentence)
    if grown:
        print("Find what grew%s, or keep the new numbers with --update and say why in the commit." % where)
        return 1
    return 0
