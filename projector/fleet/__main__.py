"""The process of one worker of several: it serves until its input ends, as it does when its parent dies, however."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

import msgspec

from producer.errors import WalError
from projector.fleet.fleet import fleet_of
from projector.fleet.log import log_to_stderr
from projector.fleet.processes import REFUSED, Order


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, too, which ends this process in order
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    log_to_stderr(of_threads=True)
    threading.current_thread().name = f"worker {order.number}"
    try:
        fleet = fleet_of(order.settings)
        signal.signal(signal.SIGTERM, lambda _number, _frame: fleet.stop())

        def listen() -> None:
            while sys.stdin.buffer.read(1):
                pass
            fleet.stop()

        threading.Thread(target=listen, daemon=True).start()
        fleet.run()
    except WalError as error:
        logging.getLogger("projector").error("%s", error)
        return REFUSED
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    os._exit(status)  # the interpreter would wait for the thread that listens
