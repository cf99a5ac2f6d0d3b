"""Pieces of pictures kept on a disk, so that later epochs need not decode their pictures again."""

import fcntl
import logging
import mmap
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ops.errors import InputError, check_number

FORMAT = 1
FREE, WRITING = -1, -2  # in the table, in the place of a slot's number
GROWTH = 64 << 20  # bytes by which the file of slots grows at least
BOOT = Path("/proc/sys/kernel/random/boot_id")

# What stands before the table; all but the last two must be as expected, else the cache is another.
HEADER = np.dtype(
    [
        ("format", "i8"),
        ("items", "i8"),
        ("slot_bytes", "i8"),
        ("boot", "S40"),
        ("used", "i8"),  # slots that were given out
        ("stopped", "i8"),  # whether a write failed
    ]
)
EXPECTED = HEADER.fields["used"][1]  # bytes


class CropCache:
    """A size-limited store of byte arrays under item numbers, which fills itself as they are put.

    Any number of processes on one machine may use one folder at the same time: forked ones, those
    that get the cache pickled (it is opened anew by its path), and other runs. A reader never sees
    a slot that is being written. A process that is killed while it writes leaves the item uncached.
    What is left by another boot of the machine may be torn by its crash and is not used; neither is
    a cache of another format or other sizes. What the items are is for the caller to tell apart,
    by the folder's name. A failing write (a full disk) ends the growing, for all processes and with
    one warning; what is there can still be read.

    Args:
        folder: on a disk of this machine; made if missing. Holds three files: `slots` (the data),
            `table` (which item lies in which slot) and `lock`.
        items: their number; items are 0 ... items - 1.
        slot_bytes: largest size of an item, and what each takes on the disk.
        gigabytes: largest size of `slots`, in 10^9 bytes.

    Raises:
        InputError: `folder` cannot be written, or is in use with other sizes or by another machine;
            `gigabytes` has no room for one item.
    """

    def __init__(self, folder: Path, items: int, slot_bytes: int, gigabytes: float):
        check_number("cache.gigabytes", gigabytes, 0, whole=False)
        if not gigabytes * 1e9 >= slot_bytes:
            raise InputError(
                f"cache.gigabytes={gigabytes}: expected at least {slot_bytes / 1e9:g}, "
                "what one picture's piece takes"
            )
        self.folder, self.items = Path(folder), items
        self.slot_bytes, self.gigabytes = slot_bytes, gigabytes
        self._capacity = int(min(items, gigabytes * 1e9 / slot_bytes))  # slots
        self._slots = np.zeros((0, slot_bytes), np.uint8)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked():
                self._open()
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"cache.directory: {self.folder} cannot be used: {reason}") from error

    def __reduce__(self):
        return CropCache, (self.folder, self.items, self.slot_bytes, self.gigabytes)

    @property
    def filled(self) -> int:
        """How many items are cached."""
        return int(np.count_nonzero(self._table >= 0))

    @property
    def bytes(self) -> int:
        """What the slots that were given out take on the disk."""
        return int(self._header["used"]) * self.slot_bytes

    def get(self, item: int) -> np.ndarray | None:
        """The slot of an item, (slot_bytes,) uint8, not writable; None where it is not cached.

        Nothing is copied: the array is the file, mapped into memory. It starts with what was put;
        what follows that is undefined.
        """
        slot = self._table[item]
        if slot < 0:
            return None
        if slot >= len(self._slots):
            self._map_slots()
        return self._slots[slot]

    def put(self, item: int, data: np.ndarray) -> None:
        """Keep `data`, (n,) uint8 of at most slot_bytes, unless the item is there or on its way,
        the limit is reached, or a write failed before."""
        if data.nbytes > self.slot_bytes:
            raise ValueError(f"{data.nbytes} bytes for a slot of {self.slot_bytes}")
        if self._table[item] != FREE or self._header["stopped"]:
            return
        try:
            slot = self._take_slot(item)
            if slot is not None:
                # Not through the mapping: on a full disk that would be a SIGBUS, no exception.
                _write(self._file, np.ascontiguousarray(data), slot * self.slot_bytes)
                with self._locked():  # whose barriers let nobody see the number before the data
                    self._table[item] = slot
        except OSError as error:  # the item stays WRITING, as that of a killed process does
            self._stop(error)

    def _take_slot(self, item: int) -> int | None:
        """The number of a slot for `item`, or None if there is no need or no room."""
        with self._locked():
            slot = int(self._header["used"])
            if self._table[item] != FREE or slot >= self._capacity:
                return None
            if (slot + 1) * self.slot_bytes > os.fstat(self._file).st_size:
                # By an eighth at least, so that a growing file is mapped anew only a few times.
                step = max(1, slot // 8, GROWTH // self.slot_bytes)
                os.ftruncate(self._file, min(slot + step, self._capacity) * self.slot_bytes)
            self._table[item] = WRITING
            self._header["used"] = slot + 1
            return slot

    def _stop(self, error: OSError) -> None:
        first = not self._header["stopped"]
        self._header["stopped"] = 1
        if first:
            logging.getLogger("lodestar").warning(
                f"cache.directory: {self.folder} does not grow any more, with {self.filled} of "
                f"{self.items} pieces cached: {error.strerror or error}"
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among all processes and threads. Opened each time, since a lock belongs to what was
        opened, which a forked process would share."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _open(self) -> None:
        """Open and map the files. Who has them open, or mapped, holds a shared lock on `slots`;
        who finds itself alone may put them in order."""
        self._file = _open_file(self, self.folder / "slots")
        table = _open_file(self, self.folder / "table")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        boot = _boot_id()
        header = np.array((FORMAT, self.items, self.slot_bytes, boot, 0, 0), HEADER)
        known = self._fits(table, header)
        if not known and not alone:
            raise InputError(
                f"cache.directory: {self.folder} is in use with other settings or by another "
                "machine; expected a folder on a disk of this machine"
            )
        if alone and not (known and boot):
            # Where boots cannot be told apart every start is a new one. The header comes last:
            # whoever is killed before leaves a cache that is not known.
            os.ftruncate(table, 0)
            _write(table, np.full(self.items, FREE, np.int32).tobytes(), HEADER.itemsize)
            _write(table, header.tobytes(), 0)
        memory = mmap.mmap(table, HEADER.itemsize + 4 * self.items)
        self._header = np.frombuffer(memory, HEADER, 1)[0]
        self._table = np.frombuffer(memory, np.int32, self.items, HEADER.itemsize)
        if alone:
            self._tidy()
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def _fits(self, table: int, header: np.ndarray) -> bool:
        """Whether the open files are a cache as `header` says, and whole."""
        if os.pread(table, EXPECTED, 0) != header.tobytes()[:EXPECTED]:
            return False
        if os.fstat(table).st_size != HEADER.itemsize + 4 * self.items:
            return False
        entries = np.frombuffer(os.pread(table, 4 * self.items, HEADER.itemsize), np.int32)
        used = int(entries.max(initial=FREE)) + 1  # in int32 their bytes would overflow
        return used * self.slot_bytes <= os.fstat(self._file).st_size

    def _tidy(self) -> None:
        """Free what a killed process was writing, and what lies beyond a limit that was lowered. A
        slot that was lost among others stays unused."""
        self._table[(self._table < 0) | (self._table >= self._capacity)] = FREE
        self._header["used"] = self._table.max(initial=FREE) + 1
        self._header["stopped"] = 0
        os.ftruncate(self._file, self.bytes)

    def _map_slots(self) -> None:
        memory = mmap.mmap(self._file, 0, prot=mmap.PROT_READ)
        self._slots = np.frombuffer(memory, np.uint8).reshape(-1, self.slot_bytes)


def _open_file(owner: CropCache, path: Path) -> int:
    """A descriptor to read and write `path`, closed when its owner is no more."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    weakref.finalize(owner, os.close, file)
    return file


def _write(file: int, data, offset: int) -> None:
    """Write all of `data`, or raise OSError."""
    rest = memoryview(data)
    while rest:
        count = os.pwrite(file, rest, offset)
        rest, offset = rest[count:], offset + count


def _boot_id() -> bytes:
    """What tells one boot of this machine from others; empty where the system does not say."""
    return BOOT.read_bytes().strip() if BOOT.exists() else b""
