"""The store: what goes in comes out to the bit or not at all, whoever else uses it."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambientgen.errors import UsageError
from ambientgen.models.fingerprint import Hashes, fingerprint
from ambientgen.store import DEFAULT_LIMIT_BYTES, Store, key_of, open_store, parse_size

ARRAY = np.arange(24, dtype=np.float32).reshape(2, 12)
KEY = key_of("one")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "windows")


def entries(store: Store) -> list[Path]:
    return sorted(store.folder.rglob("*.entry"))


def test_what_is_kept_comes_back_to_the_bit(store: Store) -> None:
    assert store.get(KEY) is None
    store.put(KEY, ARRAY)
    found = store.get(KEY)
    assert found is not None
    assert (found.dtype, found.shape, found.tobytes()) == (ARRAY.dtype, (2, 12), ARRAY.tobytes())
    assert store.size().entries == 1


part = st.one_of(st.text(max_size=4), st.binary(max_size=4))


@given(st.lists(part, max_size=4), st.lists(part, max_size=4))
def test_other_parts_have_another_key(one: list[str | bytes], other: list[str | bytes]) -> None:
    assert (key_of(*one) == key_of(*other)) == (one == other)


def test_the_kind_and_shape_of_an_array_are_in_its_key() -> None:
    keys = {
        key_of(ARRAY),
        key_of(ARRAY.reshape(12, 2)),
        key_of(ARRAY.view(np.int32)),
        key_of(ARRAY.tobytes()),
        key_of(ARRAY, ""),
    }
    assert len(keys) == 5


@pytest.mark.parametrize("cut", [0, 5, 40, 100, -1])
def test_a_truncated_entry_is_dropped(store: Store, cut: int) -> None:
    store.put(KEY, ARRAY)
    (entry,) = entries(store)
    entry.write_bytes(entry.read_bytes()[:cut])
    assert store.get(KEY) is None
    assert entries(store) == []
    store.put(KEY, ARRAY)
    assert store.get(KEY) is not None


@pytest.mark.parametrize("place", [3, 20, 60, -1])
def test_a_flipped_bit_is_found(store: Store, place: int) -> None:
    store.put(KEY, ARRAY)
    (entry,) = entries(store)
    raw = bytearray(entry.read_bytes())
    raw[place] ^= 1
    entry.write_bytes(raw)
    assert store.get(KEY) is None


def test_an_entry_under_anothers_name_is_no_good(store: Store) -> None:
    other = key_of("other")
    store.put(KEY, ARRAY)
    store.put(other, ARRAY + 1)
    store._path(other).replace(store._path(KEY))
    assert store.get(KEY) is None


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    large, small = Store(tmp_path), Store(tmp_path, limit_bytes=10_000)
    keys = [key_of(str(number)) for number in range(12)]
    for age, key in enumerate(keys):
        large.put(key, np.zeros(200, np.float32))  # about 1 kB each
        os.utime(large._path(key), (1000 + age, 1000 + age))
    assert small.get(keys[0]) is not None  # used now, so no longer the oldest
    small.trim()
    assert 0 < small.size().bytes <= 10_000
    assert small.get(keys[0]) is not None
    assert small.get(keys[1]) is None
    assert small.get(keys[-1]) is not None


def test_a_store_stays_within_its_limit_while_it_is_written(tmp_path: Path) -> None:
    small = Store(tmp_path, limit_bytes=50_000)
    for number in range(200):
        small.put(key_of(str(number)), np.zeros(200, np.float32))
        assert small.size().bytes <= 50_000 * 17 / 16 + 2000
    small.close()
    assert small.size().bytes <= 50_000


def test_parts_of_the_dead_go_and_those_of_the_living_stay(store: Store) -> None:
    store.put(KEY, ARRAY)
    shelf = entries(store)[0].parent
    dead, living = shelf / "1-dead.part", shelf / "2-living.part"
    dead.touch()
    living.touch()
    os.utime(dead, (time.time() - 7200, time.time() - 7200))
    store.trim()
    assert not dead.exists()
    assert living.exists()


def test_a_store_that_cannot_be_written_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    blocked = Store(tmp_path / "file" / "windows")
    assert blocked.trouble() is None
    blocked.put(KEY, ARRAY)
    blocked.put(KEY, ARRAY)
    said = blocked.trouble()
    assert said is not None
    assert "cannot be kept" in said
    assert "--no-cache" in said
    assert blocked.trouble() is None
    assert blocked.get(KEY) is None
    blocked.close()
    assert blocked.clear().entries == 0


def test_a_full_disk_leaves_no_part(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    store.put(KEY, ARRAY)
    assert "no space left" in str(store.trouble())
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_clearing_leaves_what_is_not_the_stores(store: Store) -> None:
    store.put(KEY, ARRAY)
    foreign = store.folder / "notes.txt"
    foreign.write_text("mine")
    assert store.clear().entries == 1
    assert store.size().entries == 0
    assert foreign.exists()


def test_clearing_disturbs_no_writer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process clears the store just before an entry takes its name."""
    replace, cleared = Path.replace, []

    def late(part: Path, path: Path) -> Path:
        if not cleared:
            cleared.append(Store(store.folder).clear())
        return replace(part, path)

    monkeypatch.setattr(Path, "replace", late)
    store.put(KEY, ARRAY)
    assert cleared
    assert store.trouble() is None
    assert np.array_equal(np.asarray(store.get(KEY)), ARRAY)


def test_many_may_use_one_folder_at_a_time(tmp_path: Path) -> None:
    """Writers, readers and trimmers at once: an array is right or not there, and nothing fails."""
    keys = [key_of(str(number)) for number in range(20)]
    wrong: list[object] = []

    def work(first: int) -> None:
        own = Store(tmp_path, limit_bytes=8000)
        for turn in range(60):
            number = (first + turn) % len(keys)
            found = own.get(keys[number])
            if found is not None and not np.array_equal(found, np.full(100, number)):
                wrong.append(found)
            own.put(keys[number], np.full(100, number))
        wrong.extend(filter(None, [own.trouble()]))

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 0, 7, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_where_and_how_much_by_option_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMBIENTGEN_CACHE", str(tmp_path / "here"))
    assert open_store().folder == tmp_path / "here" / "windows"
    assert open_store(tmp_path).folder == tmp_path / "windows"
    assert open_store().limit_bytes == DEFAULT_LIMIT_BYTES
    monkeypatch.setenv("AMBIENTGEN_CACHE_SIZE", "5MB")
    assert open_store().limit_bytes == 5_000_000
    assert open_store(limit_bytes=7).limit_bytes == 7
    monkeypatch.setenv("AMBIENTGEN_CACHE_SIZE", "much")
    with pytest.raises(UsageError, match="AMBIENTGEN_CACHE_SIZE: `much` is no size"):
        open_store()
    monkeypatch.delenv("AMBIENTGEN_CACHE")
    monkeypatch.delenv("AMBIENTGEN_CACHE_SIZE")
    assert "ambientgen" in open_store().folder.parts
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("2G", 2_000_000_000),
        ("1.5 kB", 1500),
        ("7B", 7),
        ("1GiB", 2**30),
        ("1.5 kib", 1536),
        ("3Ti", 3 * 2**40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text, "--cache-size") == size


def test_a_size_without_a_unit_is_no_handful_of_bytes() -> None:
    with pytest.raises(UsageError, match="`5` has no unit; write `5MB` or `5GB`"):
        parse_size("5", "--cache-size")


@pytest.mark.parametrize(
    "text", ["", "-1", "2 apples", "GB", "1e9", "nan", "9" * 400, "5\u212aB", "5iB"]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="write for example `2GB`"):
        parse_size(text, "--cache-size")


def test_a_fingerprint_is_the_content_alone(folder: Path, tmp_path: Path) -> None:
    memory = tmp_path / "known" / "fingerprints.json"
    first = fingerprint(folder, memory)
    assert fingerprint(folder) == fingerprint(folder, memory) == first
    (folder / "README.md").write_text("# A model\n")
    moved = folder.rename(tmp_path / "moved")
    assert fingerprint(moved, memory) == first
    weights = next((moved / "unet").glob("*.safetensors"))
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    os.utime(weights, (1, 1))  # whatever the clock's grain, it changed at another time
    changed = fingerprint(moved, memory)
    assert changed != first
    memory.write_text("not JSON")
    assert fingerprint(moved, memory) == changed


def test_a_large_file_is_hashed_once(folder: Path, tmp_path: Path) -> None:
    """What is remembered of a file that nobody touched is believed."""
    big = folder / "scheduler" / "large.json"
    big.write_text('{"a": "' + "a" * 100_000 + '"}')
    memory = tmp_path / "fingerprints.json"
    first = fingerprint(folder, memory)
    known = json.loads(memory.read_text())
    assert str(big.resolve()) in known
    memory.write_text(json.dumps({place: [said[0], "00" * 32] for place, said in known.items()}))
    assert fingerprint(folder, memory) != first
    memory.write_text(json.dumps({place: said[0] for place, said in known.items()}))
    assert fingerprint(folder, memory) == first  # what makes no sense is not believed


def test_the_longest_unused_hashes_are_forgotten(tmp_path: Path) -> None:
    memory, files = tmp_path / "known.json", [tmp_path / f"{number}.bin" for number in range(6)]
    for number, path in enumerate(files):
        path.write_bytes(bytes([number]) * 100_000)
        hashes = Hashes(memory, most=3)
        hashes.of(files[0])  # in use all the time
        hashes.of(path)
        hashes.remember()
    places = [Path(place).name for place in json.loads(memory.read_text())]
    assert sorted(places) == ["0.bin", "4.bin", "5.bin"]
    files[0].write_bytes(b"another" * 20_000)  # a new state of a file replaces the old one
    hashes = Hashes(memory, most=3)
    changed = hashes.of(files[0])
    hashes.remember()
    assert len(json.loads(memory.read_text())) == 3
    assert Hashes(None).of(files[0]) == changed


def test_a_large_file_of_the_same_size_and_time_is_another(folder: Path, tmp_path: Path) -> None:
    big = folder / "scheduler" / "large.json"
    memory = tmp_path / "fingerprints.json"
    found = set()
    for letter in "ab":
        big.write_text('{"a": "' + letter * 100_000 + '"}')
        os.utime(big, (1000, 1000))
        found.add(fingerprint(folder, memory))
        time.sleep(0.02)  # the grain of a file system's clock
    assert len(found) == 2
