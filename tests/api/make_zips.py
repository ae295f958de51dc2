"""Writes ZIPs as a tool that is not ours makes them: make_zips.py FOLDER SAMPLES.

SAMPLES has the exports of other services as JSON. Each ZIP is what its name says.
"""
import copy
import pathlib
import struct
import sys
import zipfile

folder, samples = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
chatgpt = (samples / "chatgpt.json").read_text()
deepseek = (samples / "deepseek.json").read_text()
DEFLATE = zipfile.ZIP_DEFLATED


class Stream:
    """A file that cannot seek, so that sizes come after the data."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


def make(name, files, method=DEFLATE):
    with zipfile.ZipFile(folder / name, "w", method) as archive:
        for entry, data in files:
            archive.writestr(entry, data)


def with_mode(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


make("chatgpt.zip", [("user.json", "{}"), ("conversations.json", chatgpt), ("image.png", b"\x89PNG")])
make("parts.zip", [("conversations-000.json", chatgpt), ("conversations-001.json", chatgpt)])
make("deepseek.zip", [("user.json", "{}"), ("conversations.json", deepseek)])
make("stored.zip", [("export/", ""), ("export/conversations.json", chatgpt)], zipfile.ZIP_STORED)
with zipfile.ZipFile(Stream(folder / "streamed.zip"), "w", DEFLATE) as archive:
    archive.writestr("conversations.json", chatgpt)
with zipfile.ZipFile(folder / "zip64.zip", "w", DEFLATE) as archive:
    with archive.open("conversations.json", "w", force_zip64=True) as entry:
        entry.write(chatgpt.encode())

make("none.zip", [("readme.txt", "hello")])
make("empty.zip", [])
make("nested.zip", [("export.zip", (folder / "chatgpt.zip").read_bytes())])
make("bomb.zip", [("conversations.json", b" " * (50 << 20))])
make("lzma.zip", [("conversations.json", chatgpt)], zipfile.ZIP_LZMA)
make("slip.zip", [("../../conversations.json", chatgpt)])
make("link.zip", [(with_mode("conversations.json", 0o120777), "/etc/passwd")])
make("long_name.zip", [("n" * 600 + "/conversations.json", chatgpt)])
make("many.zip", [(f"{i}", "") for i in range(20_001)])
with zipfile.ZipFile(folder / "twice.zip", "w", DEFLATE) as archive:
    for _ in range(2):
        archive.writestr("conversations.json", chatgpt)

# Many entries that share one file's bytes.
with zipfile.ZipFile(folder / "overlapping.zip", "w", DEFLATE) as archive:
    archive.writestr("conversations-0.json", chatgpt)
    for i in range(1, 10):
        entry = copy.copy(archive.filelist[0])
        entry.filename = f"conversations-{i}.json"
        archive.filelist.append(entry)

# The bit that says "encrypted", in both headers.
data = bytearray((folder / "chatgpt.zip").read_bytes())
at = data.find(b"PK\x01\x02")
while at >= 0:
    local = struct.unpack_from("<I", data, at + 42)[0]
    data[at + 8] |= 1
    data[local + 6] |= 1
    at = data.find(b"PK\x01\x02", at + 1)
(folder / "encrypted.zip").write_bytes(data)

(folder / "cut.zip").write_bytes((folder / "chatgpt.zip").read_bytes()[:-10])
data = bytearray((folder / "stored.zip").read_bytes())
data[200] ^= 1
(folder / "changed.zip").write_bytes(data)
(folder / "text.zip").write_bytes(b"not a ZIP at all")
