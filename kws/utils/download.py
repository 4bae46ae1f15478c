"""Fetch an archive that a card describes: resumable, verified, unpacked safely."""

import hashlib
import os
import shutil
import tarfile
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from kws.utils.errors import KwsError

PIECE = 1 << 20


def fetch(
    card: Path | str,
    out: Path | str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Fetch the archive of a card (address, bytes, sha256) and unpack it as ``out``.

    A download that broke off is continued when it is asked for again. ``out`` appears only when
    it is complete. Raises KwsError when the network, the checksum or the archive fails.
    """
    out = Path(out)
    if out.exists():
        raise KwsError(f"{out}: is there already; remove it to fetch it again", 2)
    try:
        description = tomllib.loads(Path(card).read_text(encoding="utf-8"))
        address, size, sha256 = (description[key] for key in ("address", "bytes", "sha256"))
    except FileNotFoundError as error:
        raise KwsError(f"{card}: no such card", 2) from error
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise KwsError(
            f"{card}: is not a card with address, bytes and sha256 ({error})", 2
        ) from error
    out.parent.mkdir(parents=True, exist_ok=True)
    archive = out.with_name(out.name + ".download")
    _download(address, size, archive, progress)
    if _sha256(archive) != sha256:
        archive.unlink()
        raise KwsError(f"{address}: the download is damaged (checksum); it was removed, try again")
    unpack(archive, out)
    archive.unlink()
    return out


def unpack(archive: Path, out: Path) -> None:
    """Unpack a tar archive as the new folder ``out``: regular files and folders only.

    Raises KwsError, and leaves nothing, if it holds anything else or a path outside of it.
    """
    temporary = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        temporary.mkdir(parents=True)
        with tarfile.open(archive) as tar:
            tar.extractall(temporary, filter=_files_and_folders)
        os.replace(temporary, out)
    except tarfile.FilterError as error:
        raise KwsError(f"{archive}: unsafe, {error}") from error
    except (tarfile.TarError, EOFError) as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise KwsError(f"{archive}: is not a tar archive that can be read ({reason})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _files_and_folders(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """``tarfile.data_filter``, which also refuses links and absolute paths."""
    if not (member.isfile() or member.isdir()):
        raise tarfile.FilterError(f"{member.name!r} is a link or a device")
    if member.name.startswith("/"):
        raise tarfile.AbsolutePathError(member)
    return tarfile.data_filter(member, folder)


def _download(address: str, size: int, path: Path, progress: Callable[[int, int], None]) -> None:
    """Complete ``path`` to the ``size`` bytes that are at ``address``."""
    done = path.stat().st_size if path.exists() else 0
    if done > size:
        path.unlink()
        done = 0
    if done == size:
        return
    request = urllib.request.Request(address, headers={"Range": f"bytes={done}-"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            if response.status != 206:  # the server sends everything again
                done = 0
            with open(path, "r+b" if done else "wb") as file:
                file.seek(done)
                while piece := response.read(PIECE):
                    file.write(piece)
                    done += len(piece)
                    progress(done, size)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise KwsError(f"{address}: {reason}; run the command again to go on") from error
    if done != size:
        raise KwsError(f"{address}: broke off at {done} of {size} bytes; run it again to go on")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
