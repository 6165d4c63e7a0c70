// Package archivetest is the conformance kit for an [archive.Format]. [Run] has a
// subtest for each promise of the interface:
//
//	func TestTarGz(t *testing.T) {
//		archivetest.Run(t, archivetest.Config{
//			Format:  archive.TarGz(),
//			Extract: archivetest.ExtractTar(unpack),
//			Judges:  archivetest.TarJudges("gzip"),
//		})
//	}
//
// After every subtest the kit looks for scratch files and goroutines that were
// left behind.
//
// Judges are other programs that read the archives. A judge that is not
// installed is skipped; if the environment has REQUIRE_TOOLS=1, it fails the
// test. The test flags -long and -update are described at [Long] and
// [Config.Golden].
package archivetest

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// Config is the configuration of [Run]. Format and Extract are required.
type Config struct {
	// Format is what is tested.
	Format archive.Format

	// Extract reads an archive and returns its files in their order. It must
	// not use code of the format, and should fail on anything unexpected. See
	// [ExtractZip] and [ExtractTar].
	Extract func(a *io.SectionReader) ([]File, error)

	// Judges read the archives, too. See [ZipJudges] and [TarJudges].
	Judges []Judge

	// Golden is a folder with a part and a piece that an earlier build has made.
	// Packing must still give these, and joining them the same archives. The test flag
	// -update makes the folder. Empty means that nothing is compared.
	Golden string

	// Segment is how many bytes the format packs at a time, as [archive.Codec] has
	// it. The kit takes files of about as much. Defaults to 1 MiB.
	Segment int

	// Slow makes the kit use less data and fewer samples. Set it if the format
	// packs less than 10 MB/s. The race detector sets it, too.
	Slow bool
}

// File describes a file that was found in an archive.
type File struct {
	Name    string
	Size    int64
	SHA256  [sha256.Size]byte
	ModTime time.Time // zero if it is not known
}

// Run tests a format.
func Run(t *testing.T, c Config) {
	c.Slow = c.Slow || RaceDetector
	if c.Segment == 0 {
		c.Segment = mib
	}
	for _, promise := range []struct {
		name string
		test func(*testing.T, *kit)
	}{
		{"Description", testDescription},
		{"Magic", testMagic},
		{"RoundTrip", testRoundTrip},
		{"EmptyPart", testEmptyPart},
		{"EmptyArchive", testEmptyArchive},
		{"EmptyFile", testEmptyFile},
		{"LongNames", testLongNames},
		{"NonASCIINames", testNonASCIINames},
		{"InvalidNames", testInvalidNames},
		{"SizesAroundSegment", testSizes},
		{"Levels", testLevels},
		{"ShortReaders", testShortReaders},
		{"LongReader", testLongReader},
		{"ReaderFailsHalfWay", testReaderFails},
		{"ReaderPanics", testReaderPanics},
		{"EqualBytes", testEqualBytes},
		{"PartsPackedInParallel", testParallelParts},
		{"ConcurrentAdd", testConcurrentAdd},
		{"JoinDecidesOrder", testJoinOrder},
		{"OneReaderAt", testOneReaderAt},
		{"WriteErrorAtEveryOffset", testWriteErrors},
		{"ScratchFails", testScratchFails},
		{"CancelledContext", testCancelled},
		{"AbandonedAdd", testAbandonedAdd},
		{"AddAfterPack", testAddAfterPack},
		{"FailedFunction", testFailedFunction},
		{"RefusesDamagedParts", testDamage},
		{"ReadErrorOfPart", testPartReadError},
		{"CloseReader", testCloseReader},
		{"ReaderSourceFails", testReaderSourceFails},
		{"ReaderSourcePanics", testReaderSourcePanics},
		{"Pieces", testPieces},
		{"EqualPieces", testEqualPieces},
		{"OpenPieces", testOpenPieces},
		{"InvalidNamesOfPieces", testInvalidPieced},
		{"LongPiece", testLongPiece},
		{"ReaderOfPieceFails", testPieceReaders},
		{"WriteErrorOfPieces", testPieceWriteErrors},
		{"CancelledJoinOfPieces", testPieceCancelled},
		{"RefusesDamagedPieces", testPieceDamage},
		{"GoldenPart", testGolden},
		{"GoldenPiece", testGoldenPiece},
		{"ManyFiles", testManyFiles},
		{"Huge", testHuge},
		{"Judges", testJudges},
	} {
		t.Run(promise.name, func(t *testing.T) {
			k := &kit{Config: c, pool: archive.NewPool(2), scratch: t.TempDir()}
			before := runtime.NumGoroutine()
			promise.test(t, k)
			k.nothingLeft(t, before)
		})
	}
}

// kit has what a subtest needs.
type kit struct {
	Config
	pool    *archive.Pool
	scratch string
}

func (k *kit) options() archive.Options {
	return archive.Options{Pool: k.pool, Scratch: k.scratch}
}

// others returns kits of formats other than k's.
func (k *kit) others() []*kit {
	var list []*kit
	for _, f := range archive.DefaultFormats() {
		if f.Name() != k.Format.Name() {
			other := *k
			other.Format = f
			list = append(list, &other)
		}
	}
	return list
}

// nothingLeft fails if there are more goroutines than before, or files in
// scratch. It finds open files without a name if the system lists them.
func (k *kit) nothingLeft(t *testing.T, before int) {
	t.Helper()
	// A goroutine that is at its end may still be counted for a moment.
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
	left, err := os.ReadDir(k.scratch)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("left in scratch: %s", f.Name())
	}
	const open = "/proc/self/fd"
	descriptors, err := os.ReadDir(open)
	if err != nil {
		return // the system does not list them
	}
	for _, d := range descriptors {
		if to, err := os.Readlink(filepath.Join(open, d.Name())); err == nil && strings.HasPrefix(to, k.scratch) {
			t.Errorf("left open: %s", to)
		}
	}
}
