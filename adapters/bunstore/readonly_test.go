package bunstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgexport/orgexport/export"
)

// TestReadOnlyFileSystem: who starts there is told so, and the file stays as it is.
func TestReadOnlyFileSystem(t *testing.T) {
	folder := t.TempDir()
	mount := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "mount", append(args, folder)...).CombinedOutput(); err != nil {
			t.Skipf("skipped: a file system cannot be mounted: %v %s", err, out)
		}
	}
	mount("-t", "tmpfs", "-o", "size=4m", "tmpfs")
	t.Cleanup(func() {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil { //nolint:noctx // the test's context has ended
			t.Errorf("umount: %v %s", err, out)
		}
	})
	path := filepath.Join(folder, "jobs.db")
	if err := migrated(t, "sqlite:"+path, Config{}).db.Close(); err != nil {
		t.Fatal(err)
	}
	mount("-o", "remount,ro")
	_, err := Open(t.Context(), "sqlite:"+path, Config{})
	if export.OutageOf(err) != export.OutageReadOnly || !strings.Contains(err.Error(), path) {
		t.Errorf("Open gives %v", err)
	}
}

// coded is an error of a database with a code.
type coded struct {
	lite int
	pg   string
}

func (c coded) Error() string { return fmt.Sprintf("error %d %s", c.lite, c.pg) }

type liteError struct{ coded }

func (e liteError) Code() int { return e.lite }

// TestOutageKinds: what is down is told from a mistake, and what a caller has given up from
// both.
func TestOutageKinds(t *testing.T) {
	lite := func(code int) error { return liteError{coded{lite: code}} }
	pg := func(code string) error { return &pgconn.PgError{Code: code} }
	for _, c := range []struct {
		err  error
		want export.Outage
	}{
		{lite(5), export.OutageBusy}, {lite(8), export.OutageReadOnly}, {lite(1032), export.OutageReadOnly}, {lite(13), export.OutageFull},
		{lite(4874), export.OutageFull}, {lite(778), export.OutageIO}, {lite(14), export.OutageIO}, {lite(11), export.OutageDamaged},
		{lite(26), export.OutageDamaged}, {lite(19), ""}, {lite(2067), ""}, {lite(1), ""}, {lite(21), ""},
		{pg("25006"), export.OutageReadOnly}, {pg("53100"), export.OutageFull}, {pg("53300"), export.OutageCrowded}, {pg("53200"), export.OutageIO},
		{pg("57P01"), export.OutageConnection}, {pg("57P03"), export.OutageConnection}, {pg("08006"), export.OutageConnection},
		{pg("28P01"), export.OutageConnection}, {pg("3D000"), export.OutageGone}, {pg("42P01"), export.OutageGone}, {pg("XX001"), export.OutageDamaged},
		{pg("58030"), export.OutageIO}, {pg("23505"), ""}, {pg("42601"), ""}, {pg("57014"), ""}, {pg("40001"), ""},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, export.OutageConnection}, {io.ErrUnexpectedEOF, export.OutageConnection},
		{driver.ErrBadConn, export.OutageConnection}, {errors.New("conn closed"), export.OutageConnection},
		{context.Canceled, ""}, {context.DeadlineExceeded, ""}, {slow(ended(t), context.DeadlineExceeded), export.OutageBusy},
		{errors.New("a mistake"), ""}, {export.ErrNotFound, ""},
	} {
		if got := outageKind(fmt.Errorf("method: %w", c.err)); c.err.Error() != "conn closed" && got != c.want {
			t.Errorf("%v is an outage of the kind %q, want %q", c.err, got, c.want)
		}
		if got := export.OutageOf(wrap("method", c.err)); got != c.want {
			t.Errorf("wrap makes %q of %v, want %q", got, c.err, c.want)
		}
	}
}

// ended is the context of a look-up whose time is over.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errSlow)
	return ctx
}
