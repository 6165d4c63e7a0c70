"""Prints a line for each file of an archive: SHA-256, size, Unix time or -, name."""
import hashlib
import sys
import tarfile
import zipfile


def show(name, modified, file):
    digest, size = hashlib.sha256(), 0
    while block := file.read(1 << 20):
        digest.update(block)
        size += len(block)
    line = f"{digest.hexdigest()} {size} {modified} {name}\n"
    sys.stdout.buffer.write(line.encode())


reader, path = sys.argv[1:]
if reader == "zipfile":
    with zipfile.ZipFile(path) as archive:
        if bad := archive.testzip():
            sys.exit(f"testzip: {bad}")
        for info in archive.infolist():
            with archive.open(info) as file:
                show(info.filename, "-", file)
else:
    with tarfile.open(path, {"tarfile": "r:*", "stream": "r|*"}[reader]) as archive:
        for info in archive:
            if not info.isreg():
                sys.exit(f"{info.name} is no regular file")
            show(info.name, int(info.mtime), archive.extractfile(info))
