package sign_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/sign"
)

func TestNewKeyringRefuses(t *testing.T) {
	good := newKey("a")
	for _, c := range []struct {
		name string
		keys []sign.Key
		want []string
	}{
		{"none", nil, []string{"there is no key"}},
		{"no id", []sign.Key{{Secret: good.Secret}}, []string{"key 1: the id of a key"}},
		{"long id", []sign.Key{{ID: strings.Repeat("a", 33), Secret: good.Secret}}, []string{"key 1: the id of a key"}},
		{"id with a dot", []sign.Key{{ID: "a.b", Secret: good.Secret}}, []string{"key 1: the id of a key"}},
		{"short secret", []sign.Key{{ID: "a", Secret: good.Secret[:31]}}, []string{"key 1: the secret has 31 bytes"}},
		{"same id", []sign.Key{good, {ID: "a", Secret: newKey("b").Secret}}, []string{"key 2: the id is that of another"}},
		{"same secret", []sign.Key{good, {ID: "b", Secret: good.Secret}}, []string{"key 2: the secret is that of another"}},
		{"all at once", []sign.Key{{}, good, {ID: "b", Secret: []byte("x")}},
			[]string{"key 1: the id of a key", "the secret has 0 bytes", "key 3: the secret has 1 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := sign.NewKeyring(c.keys...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to contain %q", err, want)
				}
			}
		})
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	key := newKey("a")
	keyring := newKeyring(t, "a")
	var log bytes.Buffer
	decimal := strings.Trim(fmt.Sprintf("%d", key.Secret), "[]")
	slog.New(slog.NewJSONHandler(&log, nil)).Info("keys", "key", key, "keyring", keyring)
	shown := []string{log.String()}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, v := range []any{key, &key, []sign.Key{key}, keyring, *keyring} {
			shown = append(shown, fmt.Sprintf(format, v))
		}
	}
	for _, s := range shown {
		for _, secret := range []string{
			string(key.Secret), hex.EncodeToString(key.Secret), decimal,
			base64.StdEncoding.EncodeToString(key.Secret),
		} {
			if strings.Contains(s, secret) {
				t.Errorf("%q has the secret", s)
			}
		}
	}
}

func TestKeyLines(t *testing.T) {
	var lines []string
	for _, id := range []string{"2026-07", "2026-01"} {
		line, err := sign.NewKeyLine(id, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	text := "# the first key signs\r\n\r\n  " + lines[0] + "\r\n\t# old\n" + lines[1]
	keyring, err := sign.ReadKeys("keys.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *sign.Config) { c.Keys = keyring })
	w.keys = keyring
	if !strings.Contains(w.uri(t), "kid=2026-07") {
		t.Errorf("%s: the first key does not sign", w.uri(t))
	}
	if rec := w.do(t, "GET", w.uri(t)); rec.Code != 200 {
		t.Errorf("status %d", rec.Code)
	}
}

func TestReadKeyFile(t *testing.T) {
	line, err := sign.NewKeyLine("a", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "k.txt")
	if _, err := sign.ReadKeyFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sign.ReadKeyFile(path); err != nil {
		t.Error(err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := sign.ReadKeyFile(path); err == nil || !strings.Contains(err.Error(), "can be read by others") {
			t.Errorf("of mode %v: %v", mode, err)
		}
	}
}

func TestNewKeyLineRefuses(t *testing.T) {
	if line, err := sign.NewKeyLine("a b", rand.Reader); err == nil {
		t.Errorf("got a line of %d bytes for a bad id", len(line))
	}
	if _, err := sign.NewKeyLine("a", iotest.ErrReader(errRead)); err == nil {
		t.Error("no error without random bytes")
	}
}

func TestReadKeysRefuses(t *testing.T) {
	good, err := sign.NewKeyLine("a", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimPrefix(good, "a:")
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"sign: k.txt has no key"}},
		{"comments only", "# " + good + "\n", []string{"sign: k.txt has no key"}},
		{"no id", secret, []string{"k.txt:1: a key is written ID:SECRET"}},
		{"empty id", ":" + secret, []string{"k.txt:1: the id of a key"}},
		{"space", "a: " + secret, []string{"k.txt:1: the secret is not standard base64"}},
		{"comment behind", good + " # old", []string{"k.txt:1: the secret is not standard base64"}},
		{"no padding", strings.TrimRight(good, "="), []string{"k.txt:1: the secret is not standard base64"}},
		{"short", "a:QUJD", []string{"k.txt:1: the secret has 3 bytes"}},
		{"all at once", "\n" + good + "\n" + good + "\nx\ny:!\n",
			[]string{"k.txt:3: the id is that of another", "k.txt:4: a key is", "k.txt:5: the secret is not"}},
		{"long line", good + "\nb:" + strings.Repeat("A", 100_000), []string{"read k.txt: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := sign.ReadKeys("k.txt", strings.NewReader(c.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to contain %q", err, want)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the error has the secret")
			}
		})
	}
}
