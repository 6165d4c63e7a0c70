package s3test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/testcontainers/testcontainers-go"
)

const repository = "orgexport-test-s3"

// image returns the name of the server's image, and builds it if need be. It is named after
// the module that has the server's version.
func image(ctx context.Context) (string, error) {
	if given := os.Getenv("ORGEXPORT_TEST_S3_IMAGE"); given != "" {
		return given, nil
	}
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return "", err
	}
	defer provider.Close()
	_, self, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(self), "..", "..", ".ci", "s3server")
	sums, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(sums)
	tag := hex.EncodeToString(sum[:8])
	name := repository + ":" + tag
	if _, err := provider.Client().ImageInspect(ctx, name); err == nil {
		return name, nil
	}
	files, err := buildContext(ctx, module)
	if err != nil {
		return "", err
	}
	_, err = provider.BuildImage(ctx, &testcontainers.ContainerRequest{FromDockerfile: testcontainers.FromDockerfile{
		ContextArchive: bytes.NewReader(files), Repo: repository, Tag: tag, KeepImage: true,
	}})
	return name, err
}

const dockerfile = `FROM scratch
COPY versitygw /versitygw
COPY data /data
ENTRYPOINT ["/versitygw"]
`

// buildContext returns the files that the image is made of, as an archive.
func buildContext(ctx context.Context, module string) ([]byte, error) {
	dir, err := os.MkdirTemp("", repository)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is a temporary one
	program := filepath.Join(dir, "versitygw")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", program, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the server: %w: %s", err, strings.TrimSpace(string(out)))
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range []struct {
		header  tar.Header
		content []byte
	}{
		{tar.Header{Name: "Dockerfile", Mode: 0o644}, []byte(dockerfile)},
		{tar.Header{Name: "versitygw", Mode: 0o755}, content},
		{tar.Header{Name: "data/", Mode: 0o755, Typeflag: tar.TypeDir}, nil},
	} {
		f.header.Size = int64(len(f.content))
		if err := w.WriteHeader(&f.header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	return archive.Bytes(), w.Close()
}
