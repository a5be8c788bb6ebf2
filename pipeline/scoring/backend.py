"""Sessions of ONNX Runtime: a network, loaded on the device that was asked for and no other."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from pipeline.errors import BackendUnavailableError, ModelError
from pipeline.scoring.devices import count_cuda_devices
from pipeline.scoring.half import convert_to_half

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"
LOG_WARNING, LOG_ERROR, LOG_FATAL = 2, 3, 4
# ONNX Runtime derives each of its errors from Exception directly: these are about the provider ...
PROVIDER_ERRORS = (ort_errors.EPFail, ort_errors.RuntimeException, RuntimeError)
# ... and these about the network.
NETWORK_ERRORS = (
    ort_errors.Fail, ort_errors.InvalidArgument, ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf, ort_errors.NoModel, ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
)  # fmt: skip


class Device(StrEnum):
    """Where a model is to run."""

    AUTO = "auto"  # on CUDA where it comes up, else on the CPU
    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """What a network computes in; its inputs and outputs stay as they are."""

    FP32 = "fp32"
    FP16 = "fp16"


@dataclass(frozen=True, slots=True)
class Session:
    """A loaded network.

    Attributes:
        path: the file it was loaded from.
        runtime: ONNX Runtime's own session.
        device: where it runs, CPU or CUDA.
        device_id: which of these.
    """

    path: Path
    runtime: Any
    device: Device
    device_id: int

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers that came up, the preferred one first."""
        return tuple(self.runtime.get_providers())

    def run(self, name: str, batch: NDArray[Any], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """Feed one input and return these outputs; others are not fetched from the device.

        Raises:
            ModelError: if the network fails on this batch.
            BackendUnavailableError: if it does so on CUDA, where it can be out of memory.
        """
        binding = self.runtime.io_binding()
        try:
            value = onnxruntime.OrtValue.ortvalue_from_numpy(batch, self.device, self.device_id)
            binding.bind_ortvalue_input(name, value)
            for output in outputs:
                binding.bind_output(output, self.device, self.device_id)
            self.runtime.run_with_iobinding(binding)
            return [np.asarray(array) for array in binding.copy_outputs_to_cpu()]
        except (*PROVIDER_ERRORS, *NETWORK_ERRORS) as error:
            kind = ModelError if self.device is Device.CPU else BackendUnavailableError
            raise kind(f"{self.path}: fails on {batch.shape}: {error}") from error


def open_session(
    path: Path, *, device: Device, device_id: int, precision: Precision, threads: int
) -> Session:
    """Load a network on a device.

    Raises:
        ModelError: if ONNX Runtime cannot run the network.
        BackendUnavailableError: if CUDA was asked for and does not come up.
    """
    match device:
        case Device.CPU:
            return _open_on_cpu(path, precision, threads)
        case Device.CUDA:
            return _open_on_cuda(path, precision, threads, device_id)
        case Device.AUTO:
            try:
                return _open_on_cuda(path, precision, threads, device_id)
            except BackendUnavailableError:
                return _open_on_cpu(path, precision, threads)


def _open_on_cpu(path: Path, precision: Precision, threads: int) -> Session:
    try:
        runtime = _load(path, precision, threads, [CPU_PROVIDER])
    except PROVIDER_ERRORS as error:
        raise ModelError(f"{path}: ONNX Runtime cannot run it: {error}") from error
    return Session(path, runtime, Device.CPU, 0)


def _open_on_cuda(path: Path, precision: Precision, threads: int, device_id: int) -> Session:
    _require_cuda_device(device_id)
    options = {
        "device_id": str(device_id),
        # The default tries every algorithm anew for each batch size that it meets.
        "cudnn_conv_algo_search": "HEURISTIC",
        # TF32 keeps 10 bits of a number's fraction: scores would differ from the CPU's.
        "use_tf32": "0",
    }
    unusable = (
        f"CUDA device {device_id} is there, but ONNX Runtime {onnxruntime.__version__} cannot use "
        f"it: it needs CUDA {onnxruntime.cuda_version} and cuDNN 9"
    )
    try:
        with _silenced():
            onnxruntime.preload_dlls()
            runtime = _load(path, precision, threads, [(CUDA_PROVIDER, options)])
    except PROVIDER_ERRORS as error:
        raise BackendUnavailableError(f"{unusable} ({error})") from error
    if CUDA_PROVIDER not in runtime.get_providers():
        raise BackendUnavailableError(unusable)
    return Session(path, runtime, Device.CUDA, device_id)


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep ONNX Runtime from telling of missing libraries on stdout and stderr: we say it once."""
    onnxruntime.set_default_logger_severity(LOG_FATAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        onnxruntime.set_default_logger_severity(LOG_WARNING)


def _require_cuda_device(device_id: int) -> None:
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        raise BackendUnavailableError(
            "CUDA was asked for, but this ONNX Runtime has no CUDA provider; "
            "install onnxruntime-gpu in place of onnxruntime"
        )
    count = count_cuda_devices()
    if not 0 <= device_id < count:
        raise BackendUnavailableError(
            f"CUDA device {device_id} was asked for, but this machine offers {count} CUDA devices"
        )


def _load(path: Path, precision: Precision, threads: int, providers: Sequence[object]) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin while they wait would burn the cores that the decoder needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = LOG_ERROR
    try:
        return onnxruntime.InferenceSession(
            _network(path, precision), options, providers=providers, enable_fallback=0
        )
    except NETWORK_ERRORS as error:
        raise ModelError(f"{path}: ONNX Runtime cannot run it: {error}") from error


def _network(path: Path, precision: Precision) -> Path | bytes:
    if precision is Precision.FP32:
        return path
    network: bytes = convert_to_half(onnx.load(path)).SerializeToString()
    return network
