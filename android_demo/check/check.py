"""What can be proved about the app without an Android SDK; run by ``make android-check``.

Takes Debian's openjdk-17-jdk-headless, aapt, android-framework-res, clang, lld, cmake,
gcc-aarch64-linux-gnu (for its headers and libgcc).
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

CHECK = Path(__file__).parent
MAIN = CHECK.parent / "app" / "src" / "main"
ROOT = CHECK.parents[1]
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
ABIS = {  # headers and libgcc of glibc's cross compilers stand in for the NDK's
    "aarch64": (Path("/usr/aarch64-linux-gnu/include"), "/usr/lib/gcc-cross/aarch64-linux-gnu"),
    "x86_64": (Path("/usr/include/x86_64-linux-gnu"), "/usr/lib/gcc/x86_64-linux-gnu"),
}
PAGE = 16384
WORDS = ("left", "go", "right", "stop", "yes", "down")


def main() -> None:
    require_programs()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        resources(work)
        java(work)
        for abi in ABIS:
            bionic(work, abi)
        desktop(work)


def require_programs() -> None:
    needed = ("javac", "java", "aapt2", "clang", "ld.lld", "cmake", "readelf")
    if missing := [name for name in needed if shutil.which(name) is None]:
        sys.exit(f"android-check takes {', '.join(missing)}; see {CHECK / 'check.py'}")


def resources(work: Path) -> None:
    """Manifest, layout and the other resources, through aapt2, which also makes R.java."""
    manifest = work / "AndroidManifest.xml"  # the Gradle plug-in puts the package there
    text = (MAIN / "AndroidManifest.xml").read_text()
    manifest.write_text(text.replace("<manifest ", '<manifest package="kws.demo" ', 1))
    run("aapt2", "compile", "--dir", MAIN / "res", "-o", work / "res.zip")
    versions = ("--min-sdk-version", "26", "--target-sdk-version", "36")
    link = ("aapt2", "link", "-I", FRAMEWORK, "--manifest", manifest, *versions)
    run(*link, "--java", work / "gen", "-o", work / "app.apk", work / "res.zip")
    badging = run("aapt2", "dump", "badging", work / "app.apk")
    for line in (
        "package: name='kws.demo'",
        "sdkVersion:'26'",
        "uses-permission: name='android.permission.RECORD_AUDIO'",
        "launchable-activity: name='kws.demo.MainActivity'",
    ):
        require(line in badging, f"the manifest lacks {line}")
    passed("manifest and resources pass aapt2")


def java(work: Path) -> None:
    """The app's Java against the part of Android's API that it uses."""
    for block in re.split(r"\n(?=package )", (CHECK / "android_api.txt").read_text()):
        package = re.match(r"package ([\w.]+);", block)[1]
        name = re.search(r"^public .*?(?:class|interface) (\w+)", block, re.MULTILINE)[1]
        file = work / "stubs" / package.replace(".", "/") / f"{name}.java"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block)
    compile_java(work / "api", [work / "stubs"])
    compile_java(work / "app", [MAIN / "java", work / "gen"], "-cp", work / "api")
    passed("the Java compiles, without a warning")


def bionic(work: Path, abi: str) -> None:
    """The app's library as for Android: which functions it takes from the C library, and pages."""
    headers, compiler = ABIS[abi]
    libgcc = max(Path(compiler).glob("*/libgcc.a"))
    stubs = work / f"bionic-{abi}"
    target = f"--target={abi}-linux-android26"
    for library, functions in allowed().items():
        source = stubs / f"{library}.c"
        stubs.mkdir(exist_ok=True)
        source.write_text("".join(f"void {name}(void) {{}}\n" for name in functions))
        options = ("-w", "-ffreestanding", "-fno-builtin", "-shared", "-nostdlib", "-fuse-ld=lld")
        run("clang", target, *options, f"-Wl,-soname,{library}", "-o", stubs / library, source)
    libraries = f"-L{stubs} -lc {libgcc}"
    built = cmake(
        work / abi,
        "-DCMAKE_SYSTEM_NAME=Linux",
        f"-DCMAKE_SYSTEM_PROCESSOR={abi}",
        "-DCMAKE_C_COMPILER=clang",
        "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
        # glibc's errno is bionic's under another name.
        f"-DCMAKE_C_FLAGS={target} -isystem {headers} {jni()} -D__errno_location=__errno",
        f"-DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld -nostdlib -L{stubs}",
        f"-DCMAKE_C_STANDARD_LIBRARIES={libraries}",
    )
    dynamic = run("readelf", "--wide", "--dynamic", built)
    needed = set(re.findall(r"NEEDED\).*\[(.*)\]", dynamic))
    require(needed <= set(allowed()), f"{abi}: needs {needed - set(allowed())}")
    symbols = run("readelf", "--wide", "--dyn-syms", built)
    exported = re.findall(r"GLOBAL +\w+ +\d+ (\S+)", symbols)
    strangers = [name for name in exported if not name.startswith("Java_kws_demo_Spotter_")]
    require(exported and not strangers, f"{abi}: exports {strangers}")
    loads = re.findall(r"LOAD.* (0x\w+)$", run("readelf", "--wide", "--segments", built), re.M)
    require(loads and all(int(x, 16) % PAGE == 0 for x in loads), f"{abi}: pages of {loads}")
    imported = re.findall(r" UND (\w+)", symbols)
    passed(
        f"{abi}: links for bionic with {len(imported)} imports, from {', '.join(sorted(needed))}"
    )


def desktop(work: Path) -> None:
    """The same entry points on this machine's JVM, on speech: they hear what Python hears."""
    from kws.benchmark.tflite_library import tflite_library
    from kws.runtime.detector import Detector
    from kws.runtime.model import Model

    model = ROOT / "models" / "quickstart" / "custom.tflite"
    library = cmake(work / "host", f"-DCMAKE_C_FLAGS={jni()}")
    samples = recording()
    samples.tofile(work / "speech.pcm")
    compile_java(
        work / "desktop", [MAIN / "java/kws/demo/Spotter.java", CHECK / "SpotterCheck.java"]
    )
    command = ("java", "-Xcheck:jni", f"-Djava.library.path={library.parent}")
    arguments = (tflite_library("x86_64"), model, work / "speech.pcm")
    output = run(*command, "-cp", work / "desktop", "kws.demo.SpotterCheck", *arguments)
    require("WARNING in native" not in output, f"JNI is used wrongly: {output}")
    heard = [line.split()[1:] for line in output.splitlines() if line.startswith("heard ")]
    python = Detector(Model(model)).feed(samples.astype(np.float32) / 32768)
    require([d.keyword for d in python] == [word for word, _, _ in heard], f"{heard}, {python}")
    for detection, (_, time, score) in zip(python, heard, strict=True):
        require(abs(detection.time - float(time)) < 0.002, f"{detection}, {time}")
        require(abs(detection.score - float(score)) < 0.002, f"{detection}, {score}")
    require(len(heard) >= len(WORDS) // 2, f"of {WORDS} it hears only {heard}")
    refused = [line for line in output.splitlines() if line.startswith("refused ")]
    require(len(refused) == 3, output)
    passed(f"on a JVM: {len(heard)} words of {len(WORDS)} heard, each as Python hears it")


def recording() -> np.ndarray:
    """Bundled clips with pauses, int16."""
    from kws import audio

    pause = np.random.default_rng(0).normal(0, 1e-3, 16000).astype(np.float32)
    pieces = [pause]
    for word in WORDS:
        clip = sorted((ROOT / "data" / "quickstart" / word).glob("*.opus"))[0]
        pieces += [audio.read(clip), pause]
    return (np.concatenate(pieces) * 32767).astype("<i2")


def allowed() -> dict[str, list[str]]:
    lines = (CHECK / "bionic.txt").read_text().splitlines()
    entries = (line.split(": ") for line in lines if not line.startswith("#"))
    return {library: functions.split() for library, functions in entries}


def jni() -> str:
    include = Path(shutil.which("javac")).resolve().parents[1] / "include"
    return f"-I{include} -I{include / 'linux'}"


def cmake(folder: Path, *options) -> Path:
    """Build export/android; the library."""
    run("cmake", "-S", ROOT / "export" / "android", "-B", folder, *options)
    run("cmake", "--build", folder, "--target", "kws_jni")
    return folder / "libkws_jni.so"


def compile_java(out: Path, sources: list[Path], *options) -> None:
    files = [
        file for source in sources for file in ([source], source.rglob("*.java"))[source.is_dir()]
    ]
    run("javac", "-Xlint:all", "-Werror", "--release", "17", "-d", out, *options, *files)


def run(*command) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    require(done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def require(condition: object, otherwise: str) -> None:
    if not condition:
        sys.exit(f"android-check: {otherwise}")


def passed(what: str) -> None:
    print(f"ok: {what}", flush=True)


if __name__ == "__main__":
    main()
