"""Which CUDA devices this machine has, asked of the driver itself.

ONNX Runtime names its CUDA provider as available wherever its wheel carries it, device or not, and
tells on stderr when it then does not come up: the driver is asked first.
"""

import ctypes
import sys

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
SUCCESS = 0


def count_cuda_devices() -> int:
    """Return how many CUDA devices the driver offers this process, 0 where there is no driver."""
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != SUCCESS or driver.cuDeviceGetCount(ctypes.byref(count)) != SUCCESS:
        return 0
    return count.value
