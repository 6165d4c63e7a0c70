package access_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/access"
)

// body is that of the contract's example, whose checksum the documentation has
// wrong: zlib's crc32 of it is 84041098.
const body = "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEf"

func TestParseKey(t *testing.T) {
	for _, kind := range []access.Kind{access.Business, access.User, access.Publishable} {
		if got, err := access.ParseKey(string(kind) + "_" + body + "_84041098"); err != nil || got != kind {
			t.Errorf("%s: %q, %v", kind, got, err)
		}
	}
	for _, text := range []string{
		"", "_", "__", "csb", "csb_", "csb_" + body, "csb_" + body + "_", body + "_84041098",
		"csx_" + body + "_84041098", "CSB_" + body + "_84041098", " csb_" + body + "_84041098",
		"csb_" + body + "_1a2b3c4d", // as documented
		"csb_" + body + "_84041099", "csb_" + body + "_8404109", "csb_" + body + "_084041098", "csb_" + body + "_84041098 ",
		"csb_" + body + "_84041098_", "csb__" + body + "_84041098", "csb_" + body + "__84041098",
		"csb_" + body[1:] + "_84041098", "csb_a" + body + "_84041098", "csb_" + body[1:] + "-_84041098", "csb_" + body[2:] + "é_84041098",
		"csb_" + strings.ToLower(body) + "_84041098", "csb_" + body + "_84041098\n", "csb_" + body + "\x00_84041098",
	} {
		kind, err := access.ParseKey(text)
		if !errors.Is(err, access.ErrKey) || kind != "" {
			t.Errorf("%q: %q, %v, want ErrKey", text, kind, err)
		}
		if err != nil && len(text) > 8 && strings.Contains(err.Error(), body[1:]) {
			t.Errorf("the error %q quotes the key", err)
		}
	}
}

func TestNewKeyText(t *testing.T) {
	seen := make(map[string]bool)
	used := make(map[rune]bool)
	for range 500 {
		text, err := access.NewKeyText(access.User, rand.Reader)
		if err != nil || seen[text] {
			t.Fatalf("%q, %v", text, err)
		}
		seen[text] = true
		if kind, err := access.ParseKey(text); err != nil || kind != access.User {
			t.Fatalf("its own text %q: %q, %v", text, kind, err)
		}
		for _, r := range text[4:36] {
			used[r] = true
		}
	}
	if len(used) != 62 {
		t.Errorf("%d different characters, want all letters and digits", len(used))
	}
	// Bytes from 248 on would make the first characters likelier than others.
	skewed := append(bytes.Repeat([]byte{248, 255, 0}, 31), 61)
	if text, err := access.NewKeyText(access.Business, bytes.NewReader(skewed)); err != nil || !strings.HasPrefix(text, "csb_"+strings.Repeat("0", 31)+"z_") {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := access.NewKeyText(access.Business, bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("a key was made of too few bytes")
	}
	if _, err := access.NewKeyText("abc", rand.Reader); err == nil {
		t.Error("a key of an unknown kind was made")
	}
}

// TestKeyPrefixes: keys have the prefixes that they are made and read with, and no
// others.
func TestKeyPrefixes(t *testing.T) {
	own := access.KeyPrefixes{Business: "acme", Publishable: "acPublic2"} // and csu
	for kind, prefix := range map[access.Kind]string{access.Business: "acme", access.User: "csu", access.Publishable: "acPublic2"} {
		text, err := own.NewText(kind, rand.Reader)
		if err != nil || !strings.HasPrefix(text, prefix+"_") || own.Of(kind) != prefix {
			t.Fatalf("%s: %q, %v", kind, text, err)
		}
		if got, err := own.Parse(text); err != nil || got != kind {
			t.Errorf("its own text %q: %q, %v", text, got, err)
		}
		_, err = access.ParseKey(text)
		if known := err == nil; known != (kind == access.User) || err != nil && !errors.Is(err, access.ErrKey) {
			t.Errorf("by the default prefixes %q: %v", text, err)
		}
	}
	for _, text := range []string{"csb_" + body + "_84041098", "cpk_" + body + "_84041098", "Acme_" + body + "_84041098", "acm_" + body + "_84041098"} {
		if kind, err := own.Parse(text); !errors.Is(err, access.ErrKey) || kind != "" {
			t.Errorf("%q: %q, %v, want ErrKey", text, kind, err)
		}
	}
	if got := own.Of("abc"); got != "" {
		t.Errorf("a kind that does not exist has the prefix %q", got)
	}
}

func TestCheckKeyPrefixes(t *testing.T) {
	for _, good := range []access.KeyPrefixes{
		{}, {Business: "ab"}, {Business: "csu", User: "csb"}, {Business: "a234567890123456"}, {Publishable: "Csb"},
	} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, c := range []struct {
		prefixes access.KeyPrefixes
		want     []string
	}{
		{access.KeyPrefixes{Business: "a"}, []string{`prefix "a" must have`}},
		{access.KeyPrefixes{Business: "a2345678901234567"}, []string{`prefix "a2345678901234567" must have`}},
		{access.KeyPrefixes{User: "2b"}, []string{`prefix "2b" must have`}},
		{access.KeyPrefixes{User: "a_b", Publishable: "é"}, []string{`prefix "a_b" must have`, `prefix "é" must have`}},
		{access.KeyPrefixes{User: "ab\n"}, []string{`prefix "ab\n" must have`}},
		{access.KeyPrefixes{User: "csb"}, []string{`prefixes "csb" and "csb"`}},
		{access.KeyPrefixes{User: "csbu"}, []string{`prefixes "csb" and "csbu"`}},
		{access.KeyPrefixes{Business: "csux"}, []string{`prefixes "csux" and "csu"`}},
		{access.KeyPrefixes{Business: "aa", User: "aa", Publishable: "aab"}, []string{
			`prefixes "aa" and "aa"`, `prefixes "aa" and "aab"`, `prefixes "aa" and "aab"`,
		}},
	} {
		err := c.prefixes.Check()
		if err == nil {
			t.Errorf("%+v is good", c.prefixes)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%+v: %v, want %q", c.prefixes, err, c.want)
			continue
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, "access: "+c.want[i]) {
				t.Errorf("%+v: %q, want %q", c.prefixes, line, c.want[i])
			}
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("csb_" + body + "_84041098")
	f.Add("cpk_" + body + "_1a2b3c4d")
	f.Fuzz(func(t *testing.T, text string) {
		kind, err := access.ParseKey(text)
		if err == nil && (len(text) != 3+1+32+1+8 || !strings.HasPrefix(text, string(kind)+"_")) {
			t.Errorf("%q is taken for a key", text)
		}
		if err != nil && !errors.Is(err, access.ErrKey) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
