package demo_test

import (
	"context"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
)

func TestImages(t *testing.T) {
	dir := t.TempDir()
	if err := demo.Make(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	images, err := filepath.Glob(filepath.Join(dir, "files", demo.OrganizationID(), "*.png"))
	if err != nil || len(images) != 240 {
		t.Fatalf("%d images, %v", len(images), err)
	}
	for _, name := range images {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
	if id := demo.OrganizationID(); !export.ValidID(id) {
		t.Errorf("id is %q", id)
	}
}

func TestMakeEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := demo.Make(ctx, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	dir := t.TempDir()
	if err := demo.Make(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := demo.Make(t.Context(), dir); err == nil {
		t.Error("a catalogue was made over another one")
	}
}
