"""Builds the engine with CMake and puts it into the wheel: one for every Python from 3.10 on (limited API)."""
import os
import pathlib
import subprocess
import sys

from setuptools import Distribution, Extension, setup
from setuptools.command.build_ext import build_ext

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70
    from wheel.bdist_wheel import bdist_wheel


class CMakeBuild(build_ext):
    """The extension is a CMake target."""

    def build_extension(self, ext):
        build = pathlib.Path(self.build_temp).absolute()
        target = pathlib.Path(self.get_ext_fullpath(ext.name)).absolute().parent
        jobs = str(os.cpu_count() or 1)
        generator = ["-G", "Ninja"] if "CMAKE_GENERATOR" not in os.environ else []
        subprocess.run(["cmake", "-S", ".", "-B", build, *generator, "-DCMAKE_BUILD_TYPE=Release", "-DSARD_PYTHON=ON",
                        "-DSARD_TESTS=OFF", "-DSARD_WERROR=OFF", f"-DPython3_EXECUTABLE={sys.executable}"], check=True)
        subprocess.run(["cmake", "--build", build, "--target", "sard_python", "-j", jobs], check=True)
        target.mkdir(parents=True, exist_ok=True)
        self.copy_file(build / "python" / "sard" / "_sard.abi3.so", target / "_sard.abi3.so")


class Abi3Wheel(bdist_wheel):
    def get_tag(self):
        _, _, platform = super().get_tag()
        return "cp310", "abi3", platform


class Binary(Distribution):
    def has_ext_modules(self):
        return True


setup(ext_modules=[Extension("sard._sard", [])], cmdclass={"build_ext": CMakeBuild, "bdist_wheel": Abi3Wheel},
      distclass=Binary)
