package verify_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
)

// child verifies an archive in a process of its own and returns the kinds that
// were found and the most memory that it took.
func child(t *testing.T, f archive.Format, path, scratch string, whole bool) (found []string, peak int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), childProgram(t), "-test.run=^TestChild$", "-test.v")
	cmd.Env = append(os.Environ(), "VERIFY_FORMAT="+f.Name(), "VERIFY_FILE="+path, "VERIFY_SCRATCH="+scratch)
	out, err := cmd.CombinedOutput()
	m := regexp.MustCompile(`peak (\d+) whole (\w+) found \[(.*)\]`).FindSubmatch(out)
	if err != nil || m == nil || string(m[2]) != strconv.FormatBool(whole) {
		t.Fatalf("%v\n%s", err, out)
	}
	peak, err = strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(m[3])), peak
}

// plain is this test program without the race detector, which takes several
// times the memory. It is built once, if it is needed.
var plain struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if plain.dir != "" {
		if err := os.RemoveAll(plain.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func childProgram(t *testing.T) string {
	t.Helper()
	if !archivetest.RaceDetector {
		return os.Args[0]
	}
	plain.once.Do(func() {
		//nolint:usetesting // it outlives the test that builds it
		if plain.dir, plain.err = os.MkdirTemp("", "verify-*"); plain.err != nil {
			return
		}
		cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", filepath.Join(plain.dir, "verify.test"), ".")
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			plain.err = fmt.Errorf("go test -c: %w\n%s", err, out)
		}
	})
	if plain.err != nil {
		t.Fatal(plain.err)
	}
	return filepath.Join(plain.dir, "verify.test")
}

// TestChild is what child runs. Limits are lower than the defaults, so that
// what would take hours there takes moments.
func TestChild(t *testing.T) {
	path := os.Getenv("VERIFY_FILE")
	if path == "" {
		t.Skip("runs as a child of other tests only")
	}
	i := slices.IndexFunc(formats, func(f archive.Format) bool { return f.Name() == os.Getenv("VERIFY_FORMAT") })
	src, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	scratch := os.Getenv("VERIFY_SCRATCH")
	r := checkWith(t, formats[i], src, archive.ReadOptions{MaxBytes: 3 << 29, MaxFiles: 1_000_000, Scratch: scratch})
	fmt.Printf("peak %d whole %v found %v\n", peakMemory(t), r.Whole(), kinds(r))
	for _, f := range r.Findings[:min(3, len(r.Findings))] {
		t.Logf("%+.500v", f)
	}
}

// peakMemory is the most memory that the process took, 0 where that cannot be
// told.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
