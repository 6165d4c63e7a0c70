// Package archivetest is the conformance kit for an [archive.Format]. Run has
// a named subtest for each promise of the interface, so that one can be run or
// skipped alone:
//
//	func TestTarGz(t *testing.T) {
//		archivetest.Run(t, archivetest.Config{
//			Format:  archive.TarGz(),
//			Extract: archivetest.ExtractTar(unpack),
//			Judges:  archivetest.TarJudges("gzip"),
//		})
//	}
//
// After every subtest the kit looks for scratch files and goroutines that have
// been left behind. Judges are foreign programs; one that is not installed is
// skipped, or fails the test if the environment has REQUIRE_TOOLS=1. The test
// flags -long and -update are described at [Long] and [Config].
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

// Config is what Run needs to know of a format.
type Config struct {
	// Format is tested.
	Format archive.Format

	// Extract reads an archive with code that the format does not share, and
	// returns its files in their order. It should fail on anything that does
	// not belong there.
	Extract func(a *io.SectionReader) ([]File, error)

	// Judges are foreign programs that shall read the archives.
	Judges []Judge

	// Golden is a folder with a part that an earlier build has made: it must
	// still join to the same archive, and packing must still make it. The test
	// flag -update writes it anew. Empty for none.
	Golden string

	// Slow tells that the codec packs less than 10 MB/s, and makes the kit use
	// less data and fewer samples. It is implied by the race detector.
	Slow bool
}

// File is what was found in an archive.
type File struct {
	Name    string
	Size    int64
	SHA256  [sha256.Size]byte
	ModTime time.Time // zero if the reader does not tell
}

// Run tests a format.
func Run(t *testing.T, c Config) {
	c.Slow = c.Slow || raceDetector
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
		{"GoldenPart", testGolden},
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

// kit is what a subtest works with.
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

// nothingLeft fails if there are more goroutines than before or files in
// scratch, including open ones without a name where the system lists them.
func (k *kit) nothingLeft(t *testing.T, before int) {
	t.Helper()
	// A goroutine that has told its end may still be counted for a moment.
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
		return // not a system that has it
	}
	for _, d := range descriptors {
		if to, err := os.Readlink(filepath.Join(open, d.Name())); err == nil && strings.HasPrefix(to, k.scratch) {
			t.Errorf("left open: %s", to)
		}
	}
}
