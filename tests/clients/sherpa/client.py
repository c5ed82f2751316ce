"""Voice activity detection with sherpa-onnx: bursts of a tone in silence, and the segments it finds."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import sherpa_onnx
from check import MODELS, answer, loaded_library_is_expected, main, test

RATE = 16000


def detector(threads: int = 1):
    config = sherpa_onnx.VadModelConfig()
    config.silero_vad.model = str(MODELS / "vad.onnx")
    config.silero_vad.threshold = 0.5
    config.silero_vad.min_silence_duration = 0.2
    config.silero_vad.min_speech_duration = 0.1
    config.sample_rate = RATE
    config.num_threads = threads
    assert config.validate()
    return sherpa_onnx.VoiceActivityDetector(config, buffer_size_in_seconds=30), config.silero_vad.window_size


def sound() -> np.ndarray:
    t = np.arange(4 * RATE) / RATE
    loud = ((t > 0.5) & (t < 1.2)) | ((t > 2.0) & (t < 3.1))
    return (np.where(loud, 0.4, 0.001) * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def segments(threads: int = 1) -> list[tuple[int, int]]:
    vad, window = detector(threads)
    samples, found = sound(), []
    for i in range(0, len(samples) - window + 1, window):
        vad.accept_waveform(samples[i : i + window])
        while not vad.empty():
            found.append((vad.front.start, len(vad.front.samples)))
            vad.pop()
    vad.flush()
    while not vad.empty():
        found.append((vad.front.start, len(vad.front.samples)))
        vad.pop()
    return found


@test
def library():
    loaded_library_is_expected()


@test
def voice_activity():
    found = segments()
    assert len(found) == 2, found
    for i, pair in enumerate(found):
        answer("vad", f"segment{i}", "int64", [2], pair)


@test
def threads_of_the_session():
    assert segments(2) == segments(1)


@test
def concurrent_detectors():
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: segments(), range(6)))
    assert all(f == found[0] for f in found)


sys.exit(main())
