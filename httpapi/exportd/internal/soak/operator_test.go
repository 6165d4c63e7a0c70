//go:build linux

package soak_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// errorOf is what a command has said, if that is known.
func errorOf(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

// operate makes keys, revokes them, and exports past the servers, until ctx ends.
func (s *soak) operate(ctx context.Context, t *testing.T, random *rand.Rand) {
	for n := 0; pause(ctx, time.Duration(500+random.IntN(2000))*time.Millisecond) == nil; n++ {
		organization := s.honest[random.IntN(len(s.honest))]
		s.useOnce(ctx, t, organization, random)
		if n%4 == 0 {
			s.exportPast(ctx, t, organization)
		}
	}
}

// useOnce makes a key, uses it, revokes it, and finds that it is no longer good.
func (s *soak) useOnce(ctx context.Context, t *testing.T, organization string, random *rand.Rand) {
	name := "once-" + time.Now().Format("150405.000000")
	key := s.newKey(t, organization, "--name", name)
	id := s.keyID(t, organization, name)
	if key == "" || id == "" {
		return
	}
	// Each key is refused in the end. One address may be refused only so often in an hour.
	from := fmt.Sprintf("127.1.%d.%d", random.IntN(256), 1+random.IntN(254))
	c := &client{soak: s, organization: organization, key: key, honest: true, random: random, http: httpFrom(from)}
	defer c.http.CloseIdleConnections()
	if r := c.api(ctx, http.MethodGet, "", nil); r.sure && r.status != http.StatusOK {
		s.seen.problem("a new key gives %d", r.status)
	}
	began := time.Now()
	out, err := s.command(t, limits{}, "keys", "revoke", "--config", s.nodes[0].config, id).CombinedOutput()
	if err != nil && !s.trouble.since(began) {
		s.seen.problem("keys revoke: %v: %s", err, out)
	}
	s.seen.key(s.seen.keysGone, "", err == nil) // the command does not know whose it was
	c.honest = false                            // it will be refused
	if r := c.api(ctx, http.MethodGet, "", nil); err == nil && r.sure && r.status != http.StatusUnauthorized {
		s.seen.problem("a revoked key gives %d", r.status)
	}
}

// keyID finds the id of a key by its name. It is empty if the list cannot be had.
func (s *soak) keyID(t *testing.T, organization, name string) string {
	began := time.Now()
	out, err := s.command(t, limits{}, "keys", "list", "--config", s.nodes[0].config, "--organization", organization, "--json").Output()
	var keys []struct{ ID, Name string }
	if err == nil {
		err = json.Unmarshal(out, &keys)
	}
	if err != nil {
		if !s.trouble.since(began) {
			s.seen.problem("keys list: %v: %s", err, errorOf(err))
		}
		return ""
	}
	for _, key := range keys {
		if key.Name == name {
			return key.ID
		}
	}
	return ""
}

// exportPast makes an archive in the format that the API does not offer.
func (s *soak) exportPast(ctx context.Context, t *testing.T, organization string) {
	began := time.Now()
	file := filepath.Join(t.TempDir(), "past.tar.xz")
	c := s.command(t, limits{}, "run", "--config", s.nodes[0].config, "--organization", organization, "--format", "tar.xz", "--out", file)
	if out, err := c.CombinedOutput(); err != nil {
		if !s.trouble.since(began) {
			s.seen.problem("run: %v: %s", err, out)
		}
		return
	}
	content, err := os.ReadFile(file)
	if err != nil {
		s.seen.problem("run: %v", err)
		return
	}
	s.verify(ctx, "past the servers", "tar.xz", content)
}
