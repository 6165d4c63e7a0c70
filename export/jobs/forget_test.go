//go:build linux && (amd64 || arm64)

package jobs

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

// inMemory counts the pages of a file that the system has in memory.
func inMemory(t *testing.T, file *os.File, size int) (pages int) {
	t.Helper()
	mapped, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mapped) //nolint:errcheck // the process ends soon
	there := make([]byte, (size+os.Getpagesize()-1)/os.Getpagesize())
	_, _, errno := syscall.Syscall(syscall.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(size), uintptr(unsafe.Pointer(&there[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	for _, page := range there {
		pages += int(page & 1)
	}
	return pages
}

// TestForgetReadsFromDisk asks the system itself what it has in memory of a file.
func TestForgetReadsFromDisk(t *testing.T) {
	const tmpfs = 0x01021994
	dir := t.TempDir()
	var system syscall.Statfs_t
	if err := syscall.Statfs(dir, &system); err != nil || system.Type == tmpfs {
		t.Skipf("files in %s are nowhere but in memory, %v", dir, err)
	}
	file, err := os.Create(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content := bytes.Repeat([]byte("archive"), 150_000)
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	before := inMemory(t, file, len(content))
	if before == 0 {
		t.Skip("the system keeps nothing of the file in memory anyhow")
	}
	forget(file)
	if after := inMemory(t, file, len(content)); after > before/10 {
		t.Errorf("of %d pages in memory %d are left", before, after)
	}
	forget(bytes.NewReader(content)) // it is no file
}
