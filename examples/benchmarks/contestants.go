package main

import (
	"archive/zip"
	"context"
	"slices"

	"github.com/mholt/archives"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
)

// contest is work that ours and others do by turns.
type contest struct {
	title string
	data  dataset
	from  string // the contestant whose output is the input instead of data, if any

	ours   []contestant
	others []contestant
}

// contestant does the work of a contest, in a process of its own.
type contestant struct {
	name string

	// shell is a line of sh, which reads $IN and writes $OUT. Or do is called in a process of
	// this program.
	shell string
	do    func(ctx context.Context, in, out string) error

	// programs are what it needs, missing says why it cannot be measured at all.
	programs []string
	missing  string

	// timed says that do prints how long its work took, without what it needs before.
	timed bool

	// opened is a line of sh that fails if $OUT cannot be read. Empty if there is no output.
	opened string
}

const (
	tarOpens = `gzip -t "$OUT" && tar -xzf "$OUT" -O > /dev/null && bsdtar -xf "$OUT" -O > /dev/null`
	zipOpens = `unzip -tqq "$OUT" && 7z t -bso0 -bsp0 "$OUT" && python3 -m zipfile -t "$OUT" > /dev/null`
	zstOpens = `zstd -tq "$OUT" && tar --zstd -xf "$OUT" -O > /dev/null && bsdtar -xf "$OUT" -O > /dev/null`
	xzOpens  = `xz -t "$OUT" && tar -xJf "$OUT" -O > /dev/null`
)

func tool(name, shell, opened string, programs ...string) contestant {
	return contestant{name: name, shell: shell, opened: opened, programs: programs}
}

func goPeer(name string, do func(ctx context.Context, in, out string) error, opened string) contestant {
	return contestant{name: name, do: do, opened: opened}
}

func timed(name string, do func(ctx context.Context, in, out string) error) contestant {
	return contestant{name: name, do: do, timed: true}
}

// pigz packs in parallel, as people would at a shell.
func pigz(suffix string) contestant {
	return tool("tar | pigz -6 -p2"+suffix, `tar -cf - -C "$IN" . | pigz -6 -p2 > "$OUT"`, `pigz -t "$OUT"`, "tar", "pigz")
}

func zip6(suffix string) contestant {
	return tool("zip -6"+suffix, `cd "$IN" && zip -q -r -6 - . > "$OUT"`, `unzip -tqq "$OUT"`, "zip", "unzip")
}

var fastzip = contestant{name: "saracen/fastzip", missing: "the Go module proxy does not have it"}

// contests returns everything that is measured.
func contests() []contest {
	return slices.Concat(tarContests(), zipContests(), []contest{postgresContest(), rowsContest()}, verifyContests(), serviceContests())
}

func tarContests() []contest {
	return []contest{
		{
			title: "The mix, tar.gz", data: mix,
			ours: []contestant{
				goPeer("orgexport tar.gz", exportFiles(archive.TarGz(), 6), tarOpens),
				goPeer("orgexport tar.gz, level 7", exportFiles(archive.TarGz(), 7), tarOpens),
			},
			others: []contestant{
				pigz(""),
				tool("tar | gzip -6", `tar -cf - -C "$IN" . | gzip -6 > "$OUT"`, `gzip -t "$OUT"`, "tar", "gzip"),
				tool("bsdtar -z", `bsdtar -czf "$OUT" -C "$IN" .`, `bsdtar -tf "$OUT" > /dev/null`, "bsdtar"),
				goPeer("klauspost/pgzip", tarPgzip, `gzip -t "$OUT"`),
				goPeer("mholt/archives tar.gz", mholt(mholtTarGz()), `gzip -t "$OUT"`),
			},
		},
		{
			title: "Small files, tar.gz", data: smallFiles,
			ours: []contestant{
				goPeer("orgexport tar.gz, small files in memory", exportMemory(archive.TarGz(), 1), tarOpens),
				goPeer("orgexport tar.gz, small files in a folder", exportFiles(archive.TarGz(), 6), tarOpens),
			},
			others: []contestant{pigz(", small files")},
		},
		{
			title: "Growth: a twentieth of the small files, half of them, and five times as many, in memory", data: smallFiles,
			ours: []contestant{
				goPeer("orgexport tar.gz, small files / 20", exportMemory(archive.TarGz(), 1.0/20), "true"),
				goPeer("orgexport tar.gz, small files / 2", exportMemory(archive.TarGz(), 0.5), "true"),
				goPeer("orgexport tar.gz, small files × 5", exportMemory(archive.TarGz(), 5), "true"),
			},
		},
		{
			title: "Text, tar.xz", data: text,
			ours: []contestant{goPeer("orgexport tar.xz", exportFiles(xz.TarXz(), 6), xzOpens)},
			others: []contestant{
				tool("tar | xz -T2 -1", `tar -cf - -C "$IN" . | xz -T2 -1 > "$OUT"`, `xz -t "$OUT"`, "tar", "xz"),
				tool("tar | xz -T2 -6", `tar -cf - -C "$IN" . | xz -T2 -6 > "$OUT"`, `xz -t "$OUT"`, "tar", "xz"),
			},
		},
		{
			title: "The mix, tar.zst", data: mix,
			ours: []contestant{goPeer("orgexport tar.zst", exportFiles(zstd.TarZst(), 6), zstOpens)},
			others: []contestant{
				tool("tar | zstd -T2 -3", `tar -cf - -C "$IN" . | zstd -q -T2 -3 > "$OUT"`, `zstd -tq "$OUT"`, "tar", "zstd"),
				goPeer("mholt/archives tar.zst", mholt(mholtTarZst()), `zstd -tq "$OUT"`),
			},
		},
	}
}

func zipContests() []contest {
	return []contest{
		{
			title: "The mix, zip", data: mix,
			ours: []contestant{goPeer("orgexport zip", exportFiles(archive.Zip(), 6), zipOpens)},
			others: []contestant{
				zip6(""),
				tool("7z -mx5", `cd "$IN" && 7z a -tzip -mmt2 -mx5 -bso0 -bsp0 "$OUT" .`, `7z t -bso0 -bsp0 "$OUT"`, "7z"),
				tool("Python zipfile", `cd "$IN" && python3 -c 'import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
    for folder, _, names in os.walk("."):
        for name in names: z.write(os.path.join(folder, name))' "$OUT"`, `python3 -m zipfile -t "$OUT" > /dev/null`, "python3"),
				goPeer("mholt/archives zip", mholt(archives.Zip{Compression: zip.Deflate}), `unzip -tqq "$OUT"`),
				goPeer("archive/zip with klauspost/compress", zipKlauspost, `unzip -tqq "$OUT"`),
				fastzip,
			},
		},
		{
			title: "Small files, zip", data: smallFiles,
			ours:   []contestant{goPeer("orgexport zip, small files in a folder", exportFiles(archive.Zip(), 6), zipOpens)},
			others: []contestant{zip6(", small files")},
		},
		{
			title: "One large file, zip", data: oneFile,
			ours: []contestant{goPeer("orgexport zip, one file", exportFiles(archive.Zip(), 6), zipOpens)},
			others: []contestant{
				goPeer("mholt/archives zip, one file", mholt(archives.Zip{Compression: zip.Deflate}), `unzip -tqq "$OUT"`),
				zip6(", one file"),
			},
		},
		{
			title: "Images, zip", data: manyImages,
			ours:   []contestant{goPeer("orgexport zip, images", exportFiles(archive.Zip(), 6), zipOpens)},
			others: []contestant{zip6(", images")},
		},
	}
}

func verifyContests() []contest {
	return []contest{
		{
			title: "Verify one large file", from: "orgexport zip, one file",
			ours:   []contestant{goPeer("orgexport verify, zip", verifyArchive, "")},
			others: []contestant{tool("unzip -t", `unzip -tqq "$IN"`, "", "unzip")},
		},
		{
			title: "Verify the mix", from: "orgexport tar.gz",
			ours:   []contestant{goPeer("orgexport verify, tar.gz", verifyArchive, "")},
			others: []contestant{tool("gzip -t", `gzip -t "$IN"`, "", "gzip")},
		},
	}
}

// all are the contestants of a contest.
func (c contest) all() []contestant { return append(append([]contestant(nil), c.ours...), c.others...) }
