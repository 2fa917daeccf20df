"""Becomes another program that the kernel kills as soon as its parent is gone, however that ended.

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
    if os.getppid() != int(parent):  # it went before we asked
        sys.exit(1)
    os.execvp(command[0], command)
