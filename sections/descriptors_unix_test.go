//go:build unix

package sections_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

const (
	manyFiles     = 1000
	descriptors   = 64
	crowdAfter    = 500 // files, then connections take all descriptors
	childVariable = "ORGEXPORT_DESCRIPTORS"
)

// crowd takes descriptors by idle connections.
type crowd struct {
	mu    sync.Mutex
	conns []io.Closer
}

// fill opens connections until there is no descriptor left.
func (c *crowd) fill(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range pair {
			c.conns = append(c.conns, os.NewFile(uintptr(fd), "connection"))
		}
	}
	if f, err := os.Open(os.DevNull); err == nil { // a pair may leave one
		c.conns = append(c.conns, f)
	}
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// descriptorsChild exports a folder with few descriptors, all of which are taken while it
// does, in the first run or in each, and prints the result.
func descriptorsChild(t *testing.T, folder string, always bool) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: descriptors, Max: descriptors}); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var c crowd
	runs := 0
	list := func(context.Context, export.Scope) iter.Seq2[sections.File, error] {
		runs++
		return func(yield func(sections.File, error) bool) {
			for i := range manyFiles {
				if i == crowdAfter && (always || runs == 1) {
					c.fill(t)
				}
				if name := fmt.Sprintf("%04d.txt", i); !yield(sections.File{Source: name, Name: name}, nil) {
					return
				}
			}
		}
	}
	e, err := export.New(export.Config{
		Sections:   []export.Section{sections.FromFiles("files", sections.RootFS(root), list)},
		RerunDelay: time.Millisecond,
		Logger:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	reruns := 0
	result, err := e.Export(t.Context(), export.Request{
		Organization: acme.Organization,
		JobID:        acme.Organization.ID,
		AsOf:         time.Unix(1e9, 0),
		Format:       archive.Zip(),
		Rerun: func(context.Context, string, export.Fault) {
			reruns++
			c.leave()
		},
	}, io.Discard)
	c.leave()
	out, jsonErr := json.Marshal(outcome{result.Sections, reruns, fmt.Sprint(err)})
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	fmt.Printf("result %s\n", out)
}

type outcome struct {
	Sections []export.SectionResult
	Reruns   int
	Err      string
}

// Where a process has no descriptors left, no file is skipped for it.
func TestNoFileIsSkippedForDescriptors(t *testing.T) {
	if folder := os.Getenv(childVariable); folder != "" {
		folder, always := strings.CutSuffix(folder, "?always")
		descriptorsChild(t, folder, always)
		return
	}
	folder := t.TempDir()
	for i := range manyFiles {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.txt", i)), []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		folder string
		want   export.SectionResult
		reruns int
	}{
		"freed in between": {folder, export.SectionResult{Key: "files", Status: "ok", Binaries: manyFiles}, 1},
		"taken each time": {folder + "?always", export.SectionResult{Key: "files", Status: "partial", Binaries: crowdAfter,
			Error: "The source of the data could not be reached. Try again later."}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoFileIsSkippedForDescriptors$")
			cmd.Env = append(os.Environ(), childVariable+"="+c.folder)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			_, text, _ := bytes.Cut(out, []byte("result "))
			line, _, _ := bytes.Cut(text, []byte("\n"))
			var got outcome
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if len(got.Sections) != 1 || got.Sections[0] != c.want || got.Reruns != c.reruns {
				t.Errorf("got %+v, want %+v after %d more runs", got, c.want, c.reruns)
			}
		})
	}
}
