"""The process of one worker of several: it serves until its input ends, as it does when its parent dies, however."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress

import msgspec

from producer.errors import WalError
from projector.fleet.fleet import fleet_of
from projector.fleet.log import log_to_stderr
from projector.fleet.processes import REFUSED, Order
from projector.metrics.commits import Activity

_TELL_SECONDS = 1.0


def tell(activity: Activity) -> None:
    """Write what this process has done to its output, which its parent reads."""
    with suppress(OSError):  # the parent has gone, and this process ends as well
        sys.stdout.buffer.write(msgspec.json.encode(activity.report()) + b"\n")
        sys.stdout.buffer.flush()


def tell_on(activity: Activity) -> None:
    """Do so each second."""
    while True:
        time.sleep(_TELL_SECONDS)
        tell(activity)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, too, which ends this process in order
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    log_to_stderr(of_threads=True)
    threading.current_thread().name = f"worker {order.number}"
    activity = Activity() if order.observed else None
    try:
        fleet = fleet_of(order.settings, activity)
        signal.signal(signal.SIGTERM, lambda _number, _frame: fleet.stop())

        def listen() -> None:
            while sys.stdin.buffer.read(1):
                pass
            fleet.stop()

        threading.Thread(target=listen, daemon=True).start()
        if activity is not None:
            threading.Thread(target=tell_on, args=(activity,), daemon=True).start()
        fleet.run()
        if activity is not None:
            tell(activity)
    except WalError as error:
        logging.getLogger("projector").error("%s", error)
        return REFUSED
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    os._exit(status)  # the interpreter would wait for the thread that listens
