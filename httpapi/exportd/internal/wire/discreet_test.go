package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

func TestDiscreet(t *testing.T) {
	pg := func(code string) error {
		return &pgconn.PgError{Severity: "ERROR", Code: code, Message: `invalid "sesame"`, Detail: "sesame"}
	}
	const kept, withheld = `ERROR: invalid "sesame" (SQLSTATE `, "the message may quote data (SQLSTATE "
	for _, c := range []struct {
		value any
		want  string
	}{
		{pg("22P02"), withheld + "22P02)"},
		{pg("P0001"), withheld + "P0001)"},
		{pg("42P01"), withheld + "42P01)"}, // as of 'sesame'::regclass
		{pg("57P01"), kept + "57P01)"},
		{fmt.Errorf("a: %w", fmt.Errorf("b: %w", pg("23505"))), "a: b: " + withheld + "23505)"},
		{fmt.Errorf("%w; %w", errors.Join(errors.New("x"), pg("22000")), pg("22P02")), "x\n" + withheld + "22000); " + withheld + "22P02)"},
		{errors.New("sesame"), "sesame"},
		{"sesame", "sesame"},
	} {
		var out bytes.Buffer
		slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: wire.Discreet})).Info("m", "error", c.value)
		if want := fmt.Sprintf("error=%q\n", c.want); !strings.HasSuffix(out.String(), want) && !strings.HasSuffix(out.String(), "error="+c.want+"\n") {
			t.Errorf("it logs %swant %s", out.String(), want)
		}
	}
}
