//go:build linux

package soak_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// diskSize is that of the volume that archives, and jobs in SQLite, are on: small, but with
// room for all archives that clients keep. It is an option of mount.
const diskSize = "256m"

// mountDisk puts a small volume at a folder. It returns false where nobody may do that.
func mountDisk(t *testing.T, folder string) bool {
	t.Helper()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+diskSize+",mode=0700"); err != nil {
		t.Logf("disk pressure is left out, because no tmpfs can be mounted: %v", err)
		return false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return true
}

// fill takes all that is free on the volume of a folder until the function that it
// returns is called.
func fill(folder string) (empty func() error, err error) {
	file, err := os.Create(filepath.Join(folder, "filler"))
	if err != nil {
		return nil, err
	}
	empty = func() error { return errors.Join(file.Close(), os.Remove(file.Name())) }
	for chunk := make([]byte, 1<<20); ; {
		n, err := file.Write(chunk)
		switch {
		case errors.Is(err, syscall.ENOSPC) && n == 0 && len(chunk) == 4096:
			return empty, nil
		case errors.Is(err, syscall.ENOSPC):
			chunk = chunk[:4096]
		case err != nil:
			return nil, errors.Join(err, empty())
		}
	}
}

// fillDisk leaves no space on the volume for a while.
func (s *soak) fillDisk(ctx context.Context, _ *testing.T) {
	defer s.trouble.begin()()
	empty, err := fill(s.data)
	if err != nil {
		s.seen.problem("the disk cannot be filled: %v", err)
		return
	}
	_ = pause(ctx, 4*time.Second)
	if err := empty(); err != nil {
		s.seen.problem("the disk cannot be emptied: %v", err)
	}
}
