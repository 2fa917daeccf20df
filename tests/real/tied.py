"""Executes another program, which the kernel kills as soon as its parent has ended for any reason.

python tied.py <pid of the parent> <program> <argument>…
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # the parent ended before the call
        sys.exit(1)
    os.execvp(command[0], command)
