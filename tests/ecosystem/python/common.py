"""What the programs share: the server's address, a wait that ends, and an end that says what failed."""

import os
import sys
import time
import traceback

PORT = int(os.environ["REDIS_PORT"])
URL = "redis://127.0.0.1:%d/0" % PORT


def until(holds, what, seconds=20):
    end = time.time() + seconds
    while not holds():
        assert time.time() < end, "it did not come: %s" % what
        time.sleep(0.02)


def parts(*all_parts):
    failed = 0
    for part in all_parts:
        name = part.__doc__.strip().rstrip(".")
        try:
            part()
            print("ok %s" % name, flush=True)
        except Exception:
            failed += 1
            print("FAILED %s: %s" % (name, traceback.format_exc()), flush=True)
    sys.exit(1 if failed else 0)
