//go:build linux

package soak_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
	"github.com/orgexport/orgexport/export/verify"
)

// formatsByName are those that exportd makes.
func formatsByName() map[string]archive.Format {
	all := make(map[string]archive.Format)
	for _, f := range append(archive.DefaultFormats(), xz.TarXz(), zstd.TarZst()) {
		all[f.Name()] = f
	}
	return all
}

// judges are foreign programs that tell whether they can read an archive.
func judges() map[string][]string {
	return map[string][]string{"zip": {"unzip", "-tq"}, "tar.gz": {"tar", "-tzf"}, "tar.xz": {"tar", "-tJf"}, "tar.zst": {"tar", "--zstd", "-tf"}}
}

// verify checks that an archive is whole. The first of each format is also given to
// exportd verify and to a foreign program.
func (s *soak) verify(ctx context.Context, whose, format string, content []byte) {
	report, err := verify.Verify(ctx, formatsByName()[format], bytes.NewReader(content), verify.Options{})
	if ctx.Err() != nil {
		return
	}
	if err != nil || !report.Whole() {
		s.seen.problem("the %s archive of %s is not whole: %v, %v", format, whose, report.Findings, err)
		return
	}
	s.verified.Add(1)
	if _, judged := s.judged.LoadOrStore(format, true); judged {
		return
	}
	file := filepath.Join(s.dir, "judged."+format)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		s.seen.problem("%v", err)
		return
	}
	for _, program := range [][]string{judges()[format], {s.program, "verify"}} {
		out, err := exec.CommandContext(context.WithoutCancel(ctx), program[0], append(program[1:], file)...).CombinedOutput()
		if err != nil {
			s.seen.problem("%s of the %s archive of %s: %v: %.300s", program[0], format, whose, err, out)
		}
	}
}
